import { defineConfig } from '@playwright/test';
import { chromiumShell } from './chromium';

// Two workers: every journey has a server and a database of its own, and two cores are what there is; half of the time is waiting.
export default defineConfig({
  testDir: 'tests',
  outputDir: 'results',
  reporter: 'list',
  workers: 2,
  timeout: 300_000,
  // Long, for a busy machine with two cores: what is awaited comes within a second on an idle one.
  expect: { timeout: 20_000 },
  forbidOnly: true,
  use: { browserName: 'chromium', launchOptions: chromiumShell, screenshot: 'only-on-failure' },
});
