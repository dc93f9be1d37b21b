// A Runtime API client for Node.js: asynchronous handlers, handlers with a callback, CommonJS and ES modules.
//
// AWS: "Define Lambda function handler in Node.js", Lambda Developer Guide.
// Differs: the response goes out when the callback is called, not when the event loop is empty; no response streaming;
// handlers with a callback run under every runtime, which AWS ended with nodejs24.x.

import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const logFd = Number(process.env._LAMBDA_TELEMETRY_LOG_FD);
delete process.env._LAMBDA_TELEMETRY_LOG_FD;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let requestId;

function call(method, resource, body = "", headers = {}) {
  return new Promise((resolve, reject) => {
    const length = { "Content-Length": Buffer.byteLength(body) };
    const options = { host, port, method, agent, path: `/2018-06-01/runtime/${resource}`, headers: { ...headers, ...length } };
    const request = http.request(options, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(pieces).toString() }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

// One log event, of any number of lines: a type, the length, the time in microseconds, the text.
function write(text) {
  const data = Buffer.from(text);
  const head = Buffer.alloc(16);
  head.writeUInt32BE(0xa55a0003, 0);
  head.writeUInt32BE(data.length, 4);
  head.writeBigUInt64BE(BigInt(Date.now()) * 1000n, 8);
  fs.writeSync(logFd, Buffer.concat([head, data]));
}

for (const [name, level] of Object.entries({ log: "INFO", info: "INFO", debug: "DEBUG", warn: "WARN", error: "ERROR", trace: "TRACE" })) {
  console[name] = (...values) => write(`${new Date().toISOString()}\t${requestId}\t${level}\t${format(...values)}\n`);
}

function fault(name, message) {
  const error = new Error(message);
  error.name = name;
  error.stack = `${name}: ${message}`;
  return error;
}

function describe(error, title) {
  const errorType = error?.name ?? typeof error;
  const errorMessage = error instanceof Error ? error.message : String(error);
  const trace = error?.stack?.split("\n") ?? [];
  console.error(`${title} \t${JSON.stringify({ errorType, errorMessage, stack: trace })}`);
  return JSON.stringify({ errorType, errorMessage, trace });
}

async function load(name) {
  const [, folder, module, method] = /^(.*\/)?([^./]*)\.(.*)$/.exec(name) ?? [];
  if (!method) throw fault("Runtime.MalformedHandlerName", "Bad handler");
  const base = path.join(process.env.LAMBDA_TASK_ROOT, folder ?? "", module);
  const file = [".js", ".mjs", ".cjs"].map((ending) => base + ending).find((candidate) => fs.existsSync(candidate));
  if (!file) throw fault("Runtime.ImportModuleError", `Error: Cannot find module '${folder ?? ""}${module}'`);
  let found;
  try {
    found = await import(pathToFileURL(file));
  } catch (error) {
    if (error instanceof SyntaxError) throw fault("Runtime.UserCodeSyntaxError", `${error}`);
    if (/_NOT_FOUND$/.test(error.code)) throw fault("Runtime.ImportModuleError", `${error}`);
    throw error;
  }
  const handler = method.split(".").reduce((owner, part) => owner?.[part] ?? owner?.default?.[part], found);
  if (typeof handler !== "function") throw fault("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  return handler;
}

function contextOf(headers, done) {
  const text = headers["lambda-runtime-client-context"];
  return {
    awsRequestId: requestId,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: text ? JSON.parse(text) : undefined,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, Number(headers["lambda-runtime-deadline-ms"]) - Date.now()),
    done,
    succeed: (result) => done(null, result),
    fail: (error) => done(error ?? "handled"),
  };
}

function run(handler, event, headers) {
  return new Promise((resolve, reject) => {
    const done = (error, result) => (error == null ? resolve(result) : reject(error));
    const result = handler(event, contextOf(headers, done), done);
    if (typeof result?.then === "function") result.then(resolve, reject);
    // nothing is left that could call the callback
    else process.once("beforeExit", () => resolve(null));
  });
}

async function handle(handler) {
  const { headers, body } = await call("GET", "invocation/next");
  requestId = headers["lambda-runtime-aws-request-id"];
  process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
  try {
    const result = await run(handler, JSON.parse(body), headers);
    await call("POST", `invocation/${requestId}/response`, JSON.stringify(result ?? null));
  } catch (error) {
    await call("POST", `invocation/${requestId}/error`, describe(error, "Invoke Error"));
  }
}

async function fail(error, title, status) {
  const body = describe(error, title);
  const headers = { "Lambda-Runtime-Function-Error-Type": JSON.parse(body).errorType };
  await call("POST", requestId ? `invocation/${requestId}/error` : "init/error", body, headers).catch(() => {});
  process.exit(status);
}

process.on("uncaughtException", (error) => fail(error, "Uncaught Exception", 129));
process.on("unhandledRejection", (reason) => {
  fail(fault("Runtime.UnhandledPromiseRejection", String(reason)), "Unhandled Promise Rejection", 128);
});

try {
  const handler = await load(process.env._HANDLER);
  for (;;) await handle(handler);
} catch (error) {
  if (requestId) process.exit(1); // the environment is gone
  await fail(error, "Uncaught Exception", 1);
}
