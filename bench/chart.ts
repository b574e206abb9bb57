/** The rows that have a ratio, as bars: what was reached, in parts of what was to be reached, on a logarithmic scale. */
import type { Row } from './table.ts';

const width = 960;
const labelWidth = 470;
const barHeight = 18;
const rowHeight = 26;
const top = 56;
/** The scale goes from a quarter of the target to 64 times it. */
const from = 0.25;
const to = 64;

export function toChart(rows: readonly Row[]): string {
  const shown = rows.filter((row) => row.ratio !== undefined);
  const place = (reached: number): number => {
    const part = Math.log(Math.min(to, Math.max(from, reached)) / from) / Math.log(to / from);
    return labelWidth + part * (width - labelWidth - 70);
  };
  const bars = shown.map(({ what, ratio, target = 1 }, index) => {
    const reached = ratio! / target;
    const y = top + index * rowHeight;
    const end = place(reached);
    return [
      `<text x="${labelWidth - 8}" y="${y + 13}" text-anchor="end">${toXml(what)}</text>`,
      `<rect x="${labelWidth}" y="${y}" width="${(end - labelWidth).toFixed(1)}" height="${barHeight}" fill="${reached >= 1 ? '#2a9d5c' : '#d1662b'}"/>`,
      `<text x="${(end + 6).toFixed(1)}" y="${y + 13}">${reached.toFixed(2)}×</text>`,
    ].join('\n');
  });
  const height = top + shown.length * rowHeight + 20;
  const target = place(1).toFixed(1);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="22" font-size="15">What was measured, in parts of what was to be reached (logarithmic)</text>
${bars.join('\n')}
<line x1="${target}" y1="${top - 14}" x2="${target}" y2="${height - 12}" stroke="#333" stroke-dasharray="3 3"/>
<text x="${target}" y="${top - 18}" text-anchor="middle">to reach</text>
</svg>
`;
}

function toXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
