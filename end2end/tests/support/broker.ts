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

/** A string of MQTT, with its length before it. */
function text(value: string): Buffer {
  const [length, bytes] = [Buffer.alloc(2), Buffer.from(value)];
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A packet of MQTT: the length of its body is said in groups of seven bits. */
function packet(kind: number, body: Buffer): Buffer {
  const head = [kind];
  let rest = body.length;
  do {
    head.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from(head), body]);
}

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

  /** Publishes something that it keeps, as somebody who may write to it and is not the shop. */
  async publish(topic: string, payload: string): Promise<void> {
    const socket = connect(this.port, '127.0.0.1');
    await once(socket, 'connect');
    // CONNECT and PUBLISH of MQTT 3.1.1, and DISCONNECT, which it answers by closing; a stranger's client id may be empty.
    socket.write(packet(0x10, Buffer.concat([text('MQTT'), Buffer.from([4, 2, 0, 60]), text('')])));
    socket.write(packet(0x31, Buffer.concat([text(topic), Buffer.from(payload)])));
    socket.write(packet(0xe0, Buffer.alloc(0)));
    const ended = once(socket, 'close');
    socket.resume();
    await ended;
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
