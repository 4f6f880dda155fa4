// The client of the Task API: who signs in, what is asked, and what became of it. Text from outside only ever becomes text.

const HOUR = 3600;
// The API accepts a token for so long after `exp`: clocks differ.
const TOLERANCE = 5;
const REQUESTS = [
  { method: "GET", path: "/api/feed", needs: "nothing" },
  { method: "GET", path: "/api/profile", needs: "a token" },
  { method: "GET", path: "/api/data", needs: "a token" },
  { method: "GET", path: "/api/tasks", needs: "a token" },
  { method: "POST", path: "/api/tasks", needs: "scope tasks:write", body: { title: "Try everything" } },
  { method: "GET", path: "/api/admin/stats", needs: "role admin" },
  { method: "POST", path: "/api/emails/send", needs: "scope email:send" },
];

const $ = (id) => document.getElementById(id);
const api = apiOrigin();
let session = null;

/** `?api=http://127.0.0.1:8000`, where the page comes from another server; tokens go to this machine alone. */
function apiOrigin() {
  const given = new URLSearchParams(location.search).get("api");
  if (!given) return location.origin;
  if (URL.canParse(given)) {
    const { protocol, hostname, origin } = new URL(given);
    if (protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname)) return origin;
  }
  document.body.replaceChildren(element("p", "card", `?api=${given} is not of the form http://127.0.0.1:8000`));
  throw new Error("the query parameter api is no http address of this machine");
}

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

/** One request; the answer is logged, whatever it is. */
async function send(method, path, body, token) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  let answer;
  try {
    const response = await fetch(api + path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
    const text = await response.text();
    answer = { status: response.status, challenge: response.headers.get("WWW-Authenticate"), text, json: parsed(text) };
  } catch {
    answer = { status: 0, challenge: null, text: "No answer: the API is not running, or does not allow this origin.", json: {} };
  }
  log(method, path, answer);
  return answer;
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** As the user who is signed in. RFC 6750 section 3.1: after `invalid_token`, ask for a new token and repeat, once. */
async function ask(method, path, body) {
  const user = session?.user;
  const answer = await send(method, path, body, session?.token);
  const expired = answer.status === 401 && answer.challenge?.includes('error="invalid_token"');
  if (!expired || !user || !$("refresh").checked || !(await signIn(user, HOUR))) return answer;
  return send(method, path, body, session.token);
}

async function signIn(user, lifetime) {
  session = null;
  if (user) {
    const { status, json } = await send("POST", "/local/token", { user, expires_in: lifetime });
    if (status === 200) {
      const claims = JSON.parse(decode(json.access_token.split(".")[1]));
      session = { user, token: json.access_token, claims };
    }
  }
  for (const button of document.querySelectorAll("[data-user]")) {
    button.setAttribute("aria-pressed", String(button.dataset.user === (session?.user ?? "")));
  }
  for (const result of document.querySelectorAll("[data-result]")) result.replaceChildren();
  showSession();
  return session !== null;
}

/** The page looks into the token only to show it; what counts is the API's answer. */
function decode(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder().decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
}

function showSession() {
  let who = "Not signed in: requests carry no token.";
  if (session) {
    const { sub, roles, scope } = session.claims;
    who = `${sub} · roles ${roles.join(" ")} · scope ${scope ?? "none"} ·`;
  }
  $("session").textContent = who;
  showValidity();
}

/** Apart from the rest, which a screen reader announces when it changes. */
function showValidity() {
  $("validity").textContent = session ? validity(session.claims.exp - Date.now() / 1000) : "";
}

function validity(left) {
  if (left > 60) return `valid for ${Math.round(left / 60)} min`;
  if (left > 0) return `valid for ${Math.ceil(left)} s`;
  if (left > -TOLERANCE) return `expired; the API allows clocks to differ by ${TOLERANCE} s`;
  return "expired";
}

function pill({ status, json }) {
  const kind = status >= 200 && status < 300 ? "good" : status === 401 || status === 403 ? "no" : "bad";
  const code = kind === "good" || !json.error ? "" : ` ${json.error}`;
  return element("span", `status ${kind}`, `${status || "no answer"}${code}`);
}

function log(method, path, answer) {
  const entry = element("li", "", element("div", "row", element("code", "", `${method} ${path}`), pill(answer)));
  entry.dataset.request = `${method} ${path}`;
  entry.dataset.status = answer.status;
  if (answer.challenge) entry.append(element("pre", "challenge", `WWW-Authenticate: ${answer.challenge}`));
  const shown = answer.json.access_token ? answer.text.replace(answer.json.access_token, "…") : answer.text;
  entry.append(element("pre", "body", shown));
  $("log").prepend(entry);
}

function showTasks(answer) {
  const tasks = answer.status === 200 ? answer.json.tasks : [];
  const item = ({ id, title, assignee }) => element("li", "", `${id}. ${title}`, element("small", "", assignee));
  const none = !session ? "Sign in to see them." : answer.status === 200 ? "None yet." : "None to be seen.";
  $("tasks").replaceChildren(...(tasks.length ? tasks.map(item) : [element("li", "", element("small", "", none))]));
}

const listTasks = async () => showTasks(await ask("GET", "/api/tasks"));

async function attempt({ method, path, body }, result) {
  const answer = await ask(method, path, body);
  result.replaceChildren(pill(answer));
  if (path !== "/api/tasks") return;
  if (method === "GET") showTasks(answer);
  else if (answer.status === 201) await listTasks();
}

const rows = REQUESTS.map((request) => {
  const line = `${request.method} ${request.path}`;
  const button = element("button", "", element("code", "", line));
  button.type = "button";
  button.dataset.try = line;
  const result = element("td", "");
  result.dataset.result = line;
  button.addEventListener("click", () => attempt(request, result));
  $("requests").append(element("tr", "", element("td", "", button), element("td", "", request.needs), result));
  return () => attempt(request, result);
});

$("try-all").addEventListener("click", async () => {
  for (const row of rows) await row();
});
$("clear").addEventListener("click", () => $("log").replaceChildren());
$("create").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await ask("POST", "/api/tasks", { title: $("title").value });
  if (answer.status !== 201) return;
  $("title").value = "";
  await listTasks();
});
for (const button of document.querySelectorAll("[data-user]")) {
  button.addEventListener("click", async () => {
    await signIn(button.dataset.user, Number($("lifetime").value));
    // Those of the user before are no longer to be seen.
    showTasks({ status: 0 });
    if (session && Number($("lifetime").value) > 0) await listTasks();
  });
}

$("api").textContent = api;
showSession();
showTasks({ status: 0 });
setInterval(showValidity, 1000);
// Module scripts run once everything above is there; tests wait for this.
document.documentElement.dataset.ready = "";
