// The table the bench prints, and the figures to reach.
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { expect } from '@playwright/test';
import { chromium } from '../chromium';

interface Figure {
  what: string;
  measured: number;
  unit: string;
  bound: { atLeast: number } | { atMost: number };
}

const figures: Figure[] = [];

/** Notes a figure for the table; one that misses its bound fails the measurement, which goes on. */
export function note(what: string, measured: number, unit: string, bound: Figure['bound']): void {
  figures.push({ what, measured, unit, bound });
  if ('atLeast' in bound) expect.soft(measured, what).toBeGreaterThanOrEqual(bound.atLeast);
  else expect.soft(measured, what).toBeLessThanOrEqual(bound.atMost);
}

function row({ what, measured, unit, bound }: Figure): string[] {
  const [sign, limit] = 'atLeast' in bound ? ['≥', bound.atLeast] : ['≤', bound.atMost];
  const reached = 'atLeast' in bound ? measured >= bound.atLeast : measured <= bound.atMost;
  return [what, `${Number(measured.toFixed(1))} ${unit}`, `${sign} ${limit} ${unit}`, reached ? 'reached' : 'MISSED'];
}

function machine(): string {
  const [first] = cpus();
  const browser = execFileSync(chromium.executablePath ?? 'chromium', ['--version', '--no-sandbox'], { encoding: 'utf8' });
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${first?.model ?? 'unknown'}, ${memory} GiB, Linux ${release()}, ${browser.trim()}`;
}

/** Prints everything noted so far. */
export function print(): void {
  const rows = [['figure', 'measured', 'to reach', ''], ...figures.map(row)];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  console.log(`\n${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC · ${machine()}`);
  for (const cells of rows) console.log(cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
}

/** The value below which the given share of the samples lies. */
export function quantile(samples: number[], share: number): number {
  const sorted = samples.toSorted((one, other) => one - other);
  const value = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error('no samples');
  return value;
}
