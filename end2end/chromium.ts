// How Chromium is started. Both are Debian's, so that no browser is downloaded.
import type { LaunchOptions } from '@playwright/test';

const args = [
  '--headless',
  // Continuous integration is often root.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** For the bench: the whole browser, which is what people have. */
export const chromium: LaunchOptions = { executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium', args };

/** For journeys and photographs: the same engine without windows, menus and what else nobody sees here, which cost a third of the time. */
export const chromiumShell: LaunchOptions = { executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium-headless-shell', args };
