// Mosquitto, a broker outside, which a journey may kill and start again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './orderly';

const START_WITHIN_MS = 10_000;

export class Mosquitto {
  readonly url: string;
  private process: ChildProcess | undefined;

  private constructor(private readonly port: number, private readonly folder: string) {
    this.url = `mqtt://127.0.0.1:${port}`;
  }

  static async open(): Promise<Mosquitto> {
    const folder = await mkdtemp(join(tmpdir(), 'mosquitto-'));
    const broker = new Mosquitto(await freePort(), folder);
    const settings = `listener ${broker.port} 127.0.0.1\nallow_anonymous true\npersistence false\n`;
    await writeFile(join(folder, 'mosquitto.conf'), settings);
    await broker.start();
    return broker;
  }

  /** Starts it; it has kept nothing. */
  async start(): Promise<void> {
    const program = existsSync('/usr/sbin/mosquitto') ? '/usr/sbin/mosquitto' : 'mosquitto';
    this.process = spawn(program, ['-c', join(this.folder, 'mosquitto.conf')], { stdio: 'ignore' });
    this.process.on('error', () => {}); // told below, as one that does not answer
    const deadline = Date.now() + START_WITHIN_MS;
    while (!(await this.answers())) {
      if (Date.now() > deadline) throw new Error(`${program} does not run: install Debian's mosquitto, or run scripts/install.sh journeys`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  private async answers(): Promise<boolean> {
    const socket = connect(this.port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    const process = this.process;
    this.process = undefined;
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
    const ended = once(process, 'exit');
    process.kill('SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
