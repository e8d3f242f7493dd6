// Runs in other people's Node.js programs, before them; whoever starts the program sets NODE_OPTIONS=--require THIS_FILE.
//
// Rules of this file:
// - It requires built-in modules only, and its syntax is that of old releases.
// - No fault in here ends the program or changes what it does. A fault is one line on stderr.
// - It runs once per thread: the hooks, too, as each thread has modules of its own.
//
// What it does is said by the environment: OUTRIDER_WRAPPER_SEEN, OUTRIDER_HOOKS and OUTRIDER_WRAPPER_REQUIRED.
"use strict";

const fs = require("fs");
const path = require("path");

const EX_CONFIG = 78;

function attempt(step) {
  try {
    return step();
  } catch (error) {
    return undefined;
  }
}

function say(text) {
  attempt(() => fs.writeSync(2, `outrider: ${text}\n`));
}

// What was thrown may be anything, also something that cannot be made a string.
function describe(error) {
  return attempt(() => String(error).trim().split(/\s+/).join(" ")) || "an error without a name";
}

function isMainThread() {
  const threads = attempt(() => require("worker_threads"));
  return threads === undefined || threads.isMainThread;
}

// Tells the sidecar that the wrapper ran: an empty file in the folder OUTRIDER_WRAPPER_SEEN. The sidecar reports what it has not seen.
function markAsSeen() {
  const folder = process.env.OUTRIDER_WRAPPER_SEEN;
  if (folder && isMainThread()) {
    attempt(() => fs.closeSync(fs.openSync(path.join(folder, `nodejs-${process.pid}`), "a")));
  }
}

// Says so; with OUTRIDER_WRAPPER_REQUIRED=1 the process (in a thread: the thread) ends here.
function hookFailed(file, error) {
  const required = process.env.OUTRIDER_WRAPPER_REQUIRED === "1";
  const end = required ? "the program is not started, as OUTRIDER_WRAPPER_REQUIRED=1" : "the program goes on without it";
  say(`hook ${file} failed: ${describe(error)}; ${end}`);
  if (required) {
    process.exit(EX_CONFIG);
  }
}

// Loads the files of OUTRIDER_HOOKS that are CommonJS, in order; the others are for other runtimes.
function runHooks() {
  for (const file of (process.env.OUTRIDER_HOOKS || "").split(path.delimiter)) {
    if (/\.c?js$/.test(file)) {
      try {
        require(path.resolve(file));
      } catch (error) {
        hookFailed(file, error);
      }
    }
  }
}

markAsSeen();
runHooks();
