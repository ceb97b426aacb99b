// How Chromium is started, for journeys, photographs and the bench alike.
import type { LaunchOptions } from '@playwright/test';

// Debian's Chromium, so that no browser is downloaded; `--no-sandbox` because continuous integration is often root.
export const chromium: LaunchOptions = {
  executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium',
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};
