export interface Row {
  readonly what: string;
  readonly value: string;
  /** What it is held against, measured in the same run. */
  readonly baseline?: string;
  /** Value to baseline. */
  readonly ratio?: number;
}

export function printTable(rows: readonly Row[]): void {
  const cells = rows.map(({ what, value, baseline, ratio }) => [
    what,
    value,
    baseline ?? '',
    ratio?.toFixed(2) ?? '',
  ]);
  const all = [['what', 'measured', 'baseline of the same run', 'ratio'], ...cells];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]!.length)));
  const lines = all.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`,
  );
  const [head, ...body] = lines;
  console.log([head, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body].join('\n'));
}
