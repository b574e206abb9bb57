export interface Row {
  readonly what: string;
  readonly value: string;
  /** What it is held against, measured in the same run. */
  readonly baseline?: string;
  /** How good it is: 2 is twice as good as what it is held against. */
  readonly ratio?: number;
  /** The ratio to reach. @default 1 */
  readonly target?: number;
}

export function toTable(rows: readonly Row[]): string {
  const cells = rows.map(({ what, value, baseline, ratio, target }) => [
    what,
    value,
    baseline ?? '',
    ratio?.toFixed(2) ?? '',
    ratio === undefined ? '' : (target ?? 1).toFixed(2),
  ]);
  const all = [['what', 'measured', 'held against', 'times as good', 'to reach'], ...cells];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const lines = all.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`,
  );
  const [head, ...body] = lines;
  return [head, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body].join('\n');
}
