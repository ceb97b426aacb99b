import { defineConfig } from '@playwright/test';
import { chromiumShell } from './chromium';

export default defineConfig({
  testDir: 'photographs',
  outputDir: 'results',
  reporter: 'list',
  workers: 1,
  expect: { timeout: 20_000 },
  timeout: 900_000,
  use: { browserName: 'chromium', launchOptions: chromiumShell },
});
