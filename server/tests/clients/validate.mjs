// Are these the messages that the server promises? node validate.mjs URL < lines of JSON
// Each line is a CloudEvent: checked by the CloudEvents SDK, its data by the schema that the server has for its type, and
// the whole of a live message by the AsyncAPI document, which is checked by the schema of AsyncAPI itself.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { CloudEvent } from 'cloudevents';

const [url] = process.argv.slice(2);
const api = `${url}/api/v1`;
const options = { allErrors: true, strict: false };

async function json(path) {
  const answer = await fetch(`${api}${path}`);
  assert.equal(answer.status, 200, `${path}: ${answer.status}`);
  return answer.json();
}

const document = await json('/asyncapi.json');
// The specification brings its own copy of draft 7's meta schema.
const asyncapi = addFormats(new Ajv({ ...options, meta: false, validateSchema: false }));
const require = createRequire(import.meta.url);
const specification = JSON.parse(readFileSync(require.resolve('@asyncapi/specs/schemas/3.0.0.json'), 'utf8'));
const sound = asyncapi.compile(specification);
assert.ok(sound(document), `asyncapi.json: ${JSON.stringify(sound.errors)}`);

const data = addFormats(new Ajv2020(options));
const whole = addFormats(new Ajv2020(options));
whole.addSchema({ $id: 'asyncapi', ...document });
const validators = new Map();

async function validatorsOf(type) {
  let found = validators.get(type);
  if (found === undefined) {
    const schema = await json(`/schemas/${type}`);
    assert.equal(schema.title, type);
    const message = type in document.components.schemas ? whole.compile({ $ref: `asyncapi#/components/schemas/${type}` }) : undefined;
    found = { data: data.compile(schema), whole: message };
    validators.set(type, found);
  }
  return found;
}

let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const event = JSON.parse(line);
  // Strict: it throws where an attribute is missing or not as the specification has it.
  const read = new CloudEvent(event, true);
  assert.deepEqual(JSON.parse(JSON.stringify(read.toJSON())), event, 'nothing is lost on the way through the SDK');
  assert.match(event.sequence, /^\d{20}$/);
  assert.match(event.source, /^\/(stores\/[a-z0-9-]+|orderly)$/);
  const { data: dataOf, whole: wholeOf } = await validatorsOf(event.type);
  assert.ok(dataOf(event.data), `${event.type}: ${JSON.stringify(dataOf.errors)} in ${line}`);
  if (event.type.startsWith('live.')) assert.ok(wholeOf, `${event.type} is not in asyncapi.json`);
  if (wholeOf) assert.ok(wholeOf(event), `${event.type}: ${JSON.stringify(wholeOf.errors)} in ${line}`);
  count += 1;
}
assert.ok(count > 0, 'nothing to validate');
console.log(`${count} messages of ${validators.size} types: ${[...validators.keys()].sort().join(' ')}`);
