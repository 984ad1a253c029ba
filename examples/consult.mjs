// The same as consult.py, as JSON in JavaScript: Node 18.3 or later, no package.
//
//     node examples/consult.mjs [--demo .local/demo.json] [--login LOGIN] [--oppose FAMILY]
//
// Login, password, NIR and token stand in files and bodies, never in an argument or a URL.

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const TIMEOUT_MILLISECONDS = 5_000;
const BATCH_TIMEOUT_MILLISECONDS = 120_000;
// A refusal that names a delay may be tried again after it; nobody waits longer than this for a screen.
const LONGEST_WAIT_SECONDS = 5;
const TRIES = 3;
const PURPOSE = "PURPOSE_CANTEEN";

/** What stopped a call (RFC 9457): decide by `reason`, show `detail`. */
class Refused extends Error {
  constructor(problem, retryAfter) {
    super(`${problem.reason} (${problem.detail})`);
    this.reason = problem.reason;
    this.retryAfterSeconds = retryAfter === undefined ? undefined : Number(retryAfter);
  }
}

/** The partner's side of the gateway. The session token lives here and nowhere else. */
class Gateway {
  #url;
  #agent;
  #token = "";

  constructor(url, caFile) {
    this.#url = url;
    this.#agent = new Agent({ ca: readFileSync(caFile), keepAlive: true });
  }

  async signIn(login, password) {
    const reply = await this.#call("POST", "/v1/sessions", { login, password });
    this.#token = reply.session_token;
    return reply.password_change_required;
  }

  async changePassword(current, replacement) {
    const body = { current_password: current, new_password: replacement };
    // The answer carries a new token; the old one is over.
    this.#token = (await this.#call("POST", "/v1/password", body)).session_token;
  }

  consult(nir, caseReference) {
    const body = { nir, purpose: PURPOSE, case_reference: caseReference };
    return this.#call("POST", "/v1/quotients:consult", body);
  }

  /** Up to 500 in one call; each line comes as soon as it is there. */
  async *consultMany(nirs) {
    const queries = nirs.map((nir, index) => ({ nir, purpose: PURPOSE, case_reference: `BATCH/${index + 1}` }));
    const response = await this.#send("POST", "/v1/quotients:consultMany", { queries }, "application/x-ndjson");
    for await (const line of createInterface({ input: response })) {
      if (line) yield JSON.parse(line);
    }
  }

  async oppose(nir) {
    const body = { nir, channel: "OPPOSITION_CHANNEL_COUNTER", reference: "OPP/1" };
    return (await this.#call("POST", "/v1/oppositions", body)).opposition_id;
  }

  async ownConsultations(count) {
    return (await this.#call("GET", `/v1/consultations?page_size=${count}`)).consultations;
  }

  async signOut() {
    await this.#call("DELETE", "/v1/session");
    this.#agent.destroy();
  }

  #call(method, path, body) {
    return again(async () => JSON.parse(await text(await this.#send(method, path, body))));
  }

  /** Sends a call and returns the response once it has begun well. Throws Refused. */
  #send(method, path, body, accept = "application/json") {
    const headers = { accept };
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    if (body) headers["content-type"] = "application/json";
    const timeout = accept === "application/json" ? TIMEOUT_MILLISECONDS : BATCH_TIMEOUT_MILLISECONDS;
    return new Promise((resolve, reject) => {
      const sent = request(this.#url + path, { method, headers, agent: this.#agent, timeout }, async (response) => {
        if (response.statusCode === 200) return resolve(response);
        try {
          reject(new Refused(JSON.parse(await text(response)), response.headers["retry-after"]));
        } catch (error) {
          reject(error);
        }
      });
      sent.on("timeout", () => sent.destroy(new Error("The gateway does not answer in time.")));
      sent.on("error", reject);
      sent.end(body && JSON.stringify(body));
    });
  }
}

/** Sends a call again where the refusal says after what delay (Retry-After), and nowhere else. */
async function again(call) {
  for (let tries = 1; tries < TRIES; tries++) {
    try {
      return await call();
    } catch (error) {
      if (!(error.retryAfterSeconds <= LONGEST_WAIT_SECONDS)) throw error;
      await sleep(error.retryAfterSeconds * 1000);
    }
  }
  return call();
}

async function text(response) {
  const parts = [];
  for await (const part of response) parts.push(part);
  return Buffer.concat(parts).toString("utf-8");
}

/** Signs in with the password of an earlier run, else with the temporary one, and replaces that (art. 4-3). */
async function signIn(gateway, user, passwordsFile) {
  const passwords = existsSync(passwordsFile) ? JSON.parse(readFileSync(passwordsFile)) : {};
  const { login, temporary_password: temporary } = user;
  if (passwords[login]) {
    try {
      return await gateway.signIn(login, passwords[login]);
    } catch (error) {
      // A stack that was reset knows nothing of the earlier run.
      if (error.reason !== "CREDENTIALS_REFUSED") throw error;
    }
  }
  if (await gateway.signIn(login, temporary)) {
    passwords[login] = randomBytes(18).toString("base64url");
    await gateway.changePassword(temporary, passwords[login]);
    writeFileSync(passwordsFile, JSON.stringify(passwords), { mode: 0o600 });
    console.log("The temporary password was replaced.");
  }
}

function show(family, reply) {
  const periods = reply.periods.map(
    (period) =>
      `${(period.amount_cents / 100).toFixed(2)} € from ${period.valid_from}` +
      (period.valid_to ? ` to ${period.valid_to}` : ""),
  );
  row(family, outcomeOf(reply), reply.dossier?.numero ?? "", periods.join(", "));
}

function row(family, outcome, dossier, rest) {
  console.log(`${family.padEnd(28)} ${outcome.padEnd(14)} ${dossier.padEnd(20)} ${rest}`.trimEnd());
}

const outcomeOf = (reply) => reply.outcome.replace("OUTCOME_", "");

async function use(gateway, nirs, opposed) {
  const families = Object.keys(nirs);
  row("family", "outcome", "dossier", "quotient familial");
  for (const [index, family] of families.entries()) {
    show(family, await gateway.consult(nirs[family], `CANTEEN/${index + 1}`));
  }
  console.log("\nIn one call:");
  for await (const { position, consultation, error } of gateway.consultMany(Object.values(nirs))) {
    // A query that was not answered tells why; the others stand.
    if (consultation) show(families[position], consultation);
    else console.log(`${families[position].padEnd(28)} ${error.reason.padEnd(14)} ${error.detail}`);
  }
  if (opposed) console.log(`\nOpposition recorded: ${await gateway.oppose(nirs[opposed])}`);
  console.log("\nYour last consultations:");
  for (const line of await gateway.ownConsultations(families.length)) {
    console.log(`${line.consult_time.padEnd(32)} ${outcomeOf(line).padEnd(14)} ${line.case_reference}`);
  }
}

const { values } = parseArgs({
  options: {
    demo: { type: "string", default: ".local/demo.json" },
    login: { type: "string" },
    oppose: { type: "string" },
  },
});
if (!existsSync(values.demo)) {
  console.error(`There is no ${values.demo}: start the local stack with \`make up\`.`);
  process.exit(1);
}
const demo = JSON.parse(readFileSync(values.demo));
const user = demo.users.find((each) => [undefined, each.login].includes(values.login));
const gateway = new Gateway(demo.gateway_url, demo.ca_file);
try {
  await signIn(gateway, user, join(dirname(values.demo), "demo-passwords.json"));
  await use(gateway, demo.nirs, values.oppose);
  await gateway.signOut();
} catch (error) {
  console.error(`The gateway refused: ${error.message}`);
  process.exit(1);
}
