// A real `orderly` process with a database of its own, which a journey may kill and start again.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, readFileSync, type WriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const START_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 20;

/** The server under test: `ORDERLY_BIN`, which `cargo xtask` sets, else the release build of this clone. */
export function binary(): string {
  const path = process.env.ORDERLY_BIN ?? new URL('../../../target/release/orderly', import.meta.url).pathname;
  if (!existsSync(path)) {
    throw new Error(`${path} does not exist: run the journeys with \`make journeys\` or set ORDERLY_BIN`);
  }
  return path;
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

/** The environment of this process without settings that would reach somebody's own shop. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const ours = (name: string) => name.startsWith('ORDERLY_') || ['DATABASE_URL', 'MQTT_URL', 'RUST_LOG'].includes(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours(name)));
}

export class Orderly {
  readonly url: string;
  readonly logFile: string;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly log: WriteStream;
  private process: ChildProcess | undefined;

  private constructor(port: number, private readonly data: string, settings: Record<string, string>) {
    this.url = `http://127.0.0.1:${port}`;
    this.logFile = join(data, 'server.log');
    this.log = createWriteStream(this.logFile, { flags: 'a' });
    this.environment = {
      ...cleanEnvironment(),
      ORDERLY_LISTEN: `127.0.0.1:${port}`,
      ORDERLY_MQTT_LISTEN: 'off',
      ORDERLY_DATA: data,
      DATABASE_URL: `sqlite:${join(data, 'orderly.db')}`,
      ORDERLY_SMS: `file:${join(data, 'sms.jsonl')}`,
      ...settings,
    };
  }

  /** Starts a shop with the demo data in a new folder and waits until it is ready. */
  static async open(settings: Record<string, string> = {}): Promise<Orderly> {
    const data = await mkdtemp(join(tmpdir(), 'orderly-'));
    const shop = new Orderly(await freePort(), data, settings);
    await shop.start();
    return shop;
  }

  get pid(): number {
    if (this.process?.pid === undefined) throw new Error('the server does not run');
    return this.process.pid;
  }

  /** Starts the process on the same port and data, and resolves when `/readyz` agrees. */
  async start(): Promise<void> {
    this.spawn();
    await this.answers('/readyz', LOOK_EVERY_MS);
  }

  /** Only starts the process. */
  spawn(): void {
    this.process = spawn(binary(), ['serve'], { env: this.environment, stdio: ['ignore', 'pipe', 'pipe'] });
    this.process.stdout?.pipe(this.log, { end: false });
    this.process.stderr?.pipe(this.log, { end: false });
  }

  /** Asks for a path until it is answered with success. */
  async answers(path: string, everyMs: number): Promise<void> {
    const deadline = Date.now() + START_WITHIN_MS;
    while (!(await this.isFine(path))) {
      const code = this.process?.exitCode ?? null;
      if (code !== null) throw new Error(`orderly ended with ${code}:\n${this.logText()}`);
      if (Date.now() > deadline) throw new Error(`orderly did not answer ${path} in time:\n${this.logText()}`);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  private async isFine(path: string): Promise<boolean> {
    try {
      return (await fetch(`${this.url}${path}`)).ok;
    } catch {
      return false; // nobody listens yet
    }
  }

  /** SIGKILL: no goodbye, as after a power cut. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** SIGSTOP: every connection stands, and nothing is answered, as with a machine that hangs or a network that swallows all. */
  freeze(): void {
    this.process?.kill('SIGSTOP');
  }

  /** SIGCONT, after `freeze`. */
  thaw(): void {
    this.process?.kill('SIGCONT');
  }

  /** SIGTERM: the server drains; its exit code is what it says about that. */
  async stop(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const process = this.process;
    if (process === undefined) return null;
    this.process = undefined;
    if (process.exitCode === null && process.signalCode === null) {
      const ended = once(process, 'exit');
      process.kill(signal);
      await ended;
    }
    return process.exitCode;
  }

  /** Runs a command of `orderly` on the same database, while the server runs, and returns what it prints. */
  async command(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(binary(), args, { env: this.environment });
    return stdout;
  }

  /** A copy of the shop as it is now; its file. */
  async backup(): Promise<string> {
    const file = join(this.data, 'shop.backup');
    await this.command('backup', file);
    return file;
  }

  /** The shop, which is stopped, is lost, and comes back as it was in a copy. */
  async restore(file: string): Promise<void> {
    for (const end of ['', '-wal', '-shm']) await rm(`${join(this.data, 'orderly.db')}${end}`, { force: true });
    await this.command('restore', file);
  }

  /** A command that knows `--json`. */
  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.command(...args, '--json')) as T;
  }

  /** The sign-in code of the newest text message to a phone, once there are `count` of them. */
  async code(phone: string, count = 1): Promise<string> {
    const file = join(this.data, 'sms.jsonl');
    const deadline = Date.now() + START_WITHIN_MS;
    for (;;) {
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter((line) => line !== '') : [];
      const messages = lines.map((line) => JSON.parse(line) as { to: string; code: string }).filter(({ to }) => to === phone);
      const newest = messages.at(-1);
      if (newest !== undefined && messages.length >= count) return newest.code;
      if (Date.now() > deadline) throw new Error(`no message for ${phone} came:\n${this.logText()}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** A bearer token for a device or a member of staff. */
  async token(role: string, store: string): Promise<string> {
    const { token } = await this.json<{ token: string }>('token', 'issue', '--role', role, '--store', store);
    return token;
  }

  logText(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  /** Ends the process and removes its data. */
  async close(): Promise<void> {
    await this.end('SIGKILL');
    this.log.end();
    await rm(this.data, { recursive: true, force: true });
  }
}
