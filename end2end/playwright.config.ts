import { defineConfig } from '@playwright/test';
import { chromium } from './chromium';

// One worker: every journey has a server and a database of its own, and two cores are what there is.
export default defineConfig({
  testDir: 'tests',
  outputDir: 'results',
  reporter: 'list',
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 10_000 },
  forbidOnly: true,
  use: { browserName: 'chromium', launchOptions: chromium, screenshot: 'only-on-failure' },
});
