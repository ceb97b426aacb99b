// A camera that sees the ticket on somebody's phone: a Chromium of its own, for a film is given to it when it starts.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium as engine, type Browser, expect, type Page } from '@playwright/test';
import { chromiumShell } from '../../chromium';

const [WIDTH, HEIGHT] = [640, 480];

export class Eye {
  private constructor(readonly browser: Browser, private readonly folder: string) {}

  /** A browser whose camera has the ticket before it that this page shows. */
  static async that(phone: Page): Promise<Eye> {
    const picture = phone.getByTestId('pickup-ticket').locator('svg');
    await expect(picture).toBeVisible();
    const folder = await mkdtemp(join(tmpdir(), 'orderly-film-'));
    const file = join(folder, 'ticket.y4m');
    await writeFile(file, await film(phone, await picture.evaluate((svg) => svg.outerHTML)));
    const args = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-video-capture=${file}`];
    return new Eye(await engine.launch({ ...chromiumShell, args: [...(chromiumShell.args ?? []), ...args] }), folder);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await rm(this.folder, { recursive: true });
  }
}

/** What a camera sees of a picture that is held to it: a film of one frame, grey on a table. */
async function film(page: Page, svg: string): Promise<Buffer> {
  const grey = await page.evaluate(
    async ({ svg, width, height }) => {
      const picture = new Image();
      picture.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
      await picture.decode();
      const canvas = Object.assign(document.createElement('canvas'), { width, height });
      const context = canvas.getContext('2d');
      if (context === null) throw new Error('no canvas');
      context.fillStyle = '#999';
      context.fillRect(0, 0, width, height);
      context.translate(width / 2, height / 2);
      context.rotate(0.08);
      context.drawImage(picture, -180, -180, 360, 360);
      const { data } = context.getImageData(0, 0, width, height);
      return Array.from({ length: width * height }, (_, at) => data[at * 4] ?? 0);
    },
    { svg, width: WIDTH, height: HEIGHT },
  );
  const head = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\nFRAME\n`);
  return Buffer.concat([head, Buffer.from(grey), Buffer.alloc((WIDTH * HEIGHT) / 2, 128)]);
}
