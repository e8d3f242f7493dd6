'use strict';

// Output: sends each report as JSON to an HTTP server. Retries are the agent's: an error says whether one makes sense.
//
// The protocol: one JSON message per line, both ways; standard error is the plugin's log.

const http = require('node:http');
const https = require('node:https');

const PROTOCOL = 1;
const ANSWER_LIMIT = 4096;
const SHOWN = 200;

/** A failure as the agent sees it. */
class Failure extends Error {
  constructor(code, message, { retryable = false, retryAfter } = {}) {
    super(message);
    this.body = { code, message, retryable };
    if (retryAfter !== undefined) this.body.retry_after = retryAfter;
  }
}

/** Return the milliseconds of a duration such as `500ms` or `1m30s`. */
function milliseconds(text) {
  const units = { ms: 1, s: 1000, m: 60000, h: 3600000 };
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) total += Number(number) * units[unit];
  return total;
}

/** Return the index after the string that begins at `index`. */
function afterString(text, index) {
  for (let at = index + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

/**
 * Return the text of params.input as it stands in the line. JSON.parse would round integers above 2^53, and a report has
 * to arrive as it is.
 */
function rawInput(line) {
  const keys = [];
  let begin = -1;
  let key = '';
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at];
    if (character === '"') {
      const end = afterString(line, at);
      if (begin < 0) key = line.slice(at + 1, end - 1);
      at = end - 1;
    } else if (character === ':' && begin < 0 && keys.length === 2 && keys[1] === 'params' && key === 'input') {
      begin = at + 1;
    } else if (character === '{' || character === '[') {
      keys.push(begin < 0 ? key : '');
      key = '';
    } else if (character === ',' || character === '}' || character === ']') {
      if (begin >= 0 && keys.length === 2) return line.slice(begin, at);
      if (character !== ',') keys.pop();
    }
  }
  throw new Failure('INVALID_CONFIG', 'the request has no input');
}

/** Return the error for a status that is not 2xx. */
function refusal(response, text) {
  const { statusCode: status, headers } = response;
  const seconds = /^\d{1,5}$/.test(headers['retry-after'] || '') ? Number(headers['retry-after']) : undefined;
  const message = `the server answered ${status} ${response.statusMessage || ''}`.trim() + (text ? `: ${text.slice(0, SHOWN)}` : '');
  if (status === 429) return new Failure('LIMITED', message, { retryable: true, retryAfter: seconds });
  if (status >= 500) return new Failure('UNAVAILABLE', message, { retryable: true, retryAfter: seconds });
  return new Failure('EXECUTION_FAILED', message);
}

class Sender {
  constructor(config) {
    this.url = new URL(config.url);
    this.module = this.url.protocol === 'https:' ? https : http;
    this.headers = config.headers || {};
    for (const [name, value] of Object.entries(this.headers)) {
      http.validateHeaderName(name);
      http.validateHeaderValue(name, value);
    }
    this.timeout = milliseconds(config.timeout || '10s');
  }

  /** Send one report; `signal` ends the attempt. */
  send(body, idempotencyKey, signal) {
    return new Promise((resolve, reject) => {
      const late = new Failure('TIMEOUT', `no answer from ${this.url.host} within ${this.timeout} ms`, { retryable: true });
      const request = this.module.request(this.url, { method: 'POST', headers: this.requestHeaders(body, idempotencyKey), agent: false });
      const timer = setTimeout(() => request.destroy(late), this.timeout);
      const withdraw = () => request.destroy(new Failure('CANCELLED', 'cancelled'));
      signal.addEventListener('abort', withdraw, { once: true });
      request.on('response', (response) => this.receive(response, request, resolve, reject));
      request.on('error', (error) => reject(this.failure(error)));
      request.on('close', () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', withdraw);
        reject(this.failure(new Error('the connection ended before the answer')));
      });
      request.end(body);
    });
  }

  requestHeaders(body, idempotencyKey) {
    const own = { 'Content-Type': 'application/json', 'User-Agent': 'outrider-webhook' };
    if (idempotencyKey) own['Idempotency-Key'] = idempotencyKey;
    const given = new Set(Object.keys(this.headers).map((name) => name.toLowerCase()));
    const missing = Object.entries(own).filter(([name]) => !given.has(name.toLowerCase()));
    return { ...Object.fromEntries(missing), ...this.headers, 'Content-Length': body.length };
  }

  receive(response, request, resolve, reject) {
    let text = '';
    const done = () => {
      if (response.statusCode >= 200 && response.statusCode < 300) {
        resolve({ status: response.statusCode, summary: `${this.url.host} answered ${response.statusCode}` });
      } else {
        reject(refusal(response, text.trim()));
      }
    };
    response.setEncoding('utf8');
    response.on('data', (chunk) => {
      text += chunk;
      if (text.length < ANSWER_LIMIT) return;
      done();  // The status is known; the rest of a long answer is of no use.
      request.destroy();
    });
    response.on('end', done);
    response.on('error', (error) => reject(this.failure(error)));
  }

  failure(error) {
    if (error instanceof Failure) return error;
    const reason = error.code ? `${error.code}: ${error.message}` : error.message;
    return new Failure('CONNECTION_FAILED', `${this.url.host}: ${reason}`, { retryable: true });
  }
}

class Host {
  constructor() {
    this.sender = null;
    this.running = new Map();
  }

  handle(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      message = null;
    }
    if (message === null || typeof message !== 'object' || typeof message.method !== 'string') {
      console.error('a line that is no request was left out');
      return;
    }
    const { id, method, params = {} } = message;
    if (method === 'cancel') this.running.get(params.id)?.abort();
    else if (id !== undefined) this.answer(id, () => this.run(id, method, params, line)).then(() => method === 'stop' && process.exit(0));
  }

  run(id, method, params, line) {
    if (method === 'initialize') return this.initialize(params);
    if (method === 'start' || method === 'stop') return {};
    if (method !== 'send') throw new Failure('UNSUPPORTED', `unknown method '${method}'`);
    if (!this.sender) throw new Failure('INVALID_CONFIG', 'send before initialize');
    const withdrawal = new AbortController();
    this.running.set(id, withdrawal);
    return this.sender.send(Buffer.from(rawInput(line)), params.idempotency_key, withdrawal.signal).finally(() => this.running.delete(id));
  }

  initialize(params) {
    if (params.protocol !== PROTOCOL) {
      throw new Failure('UNSUPPORTED', `protocol ${params.protocol} is not spoken here, only ${PROTOCOL}`);
    }
    try {
      this.sender = new Sender(params.config);
    } catch (error) {
      throw new Failure('INVALID_CONFIG', `config: ${error.message}`);
    }
    return { ready: true, protocol: PROTOCOL };
  }

  async answer(id, work) {
    let message;
    try {
      message = { id, result: await work() };
    } catch (error) {
      if (!(error instanceof Failure)) console.error(error);
      message = { id, error: error.body || { code: 'EXECUTION_FAILED', message: String(error.message), retryable: false } };
    }
    await new Promise((written) => process.stdout.write(`${JSON.stringify(message)}\n`, written));
  }
}

/** Call `take` with each line of a stream; a line is joined once, however many pieces it comes in. */
function eachLine(stream, take) {
  let pieces = [];
  stream.on('data', (chunk) => {
    let begin = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, begin)) {
      pieces.push(chunk.subarray(begin, end));
      take(Buffer.concat(pieces).toString('utf8'));
      pieces = [];
      begin = end + 1;
    }
    if (begin < chunk.length) pieces.push(chunk.subarray(begin));
  });
}

const host = new Host();
eachLine(process.stdin, (line) => host.handle(line));
// The agent is gone, or wants the end: what is still under way has nobody to answer to.
process.stdin.on('end', () => process.exit(0));
process.stdout.on('error', () => process.exit(1));
