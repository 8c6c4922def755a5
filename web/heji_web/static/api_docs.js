// Lets a person send one request to this service and see its answer. Nothing is stored and nothing goes elsewhere.
const token = document.getElementById("token");

// A picture, a sheet or a printed page: shown as text it would be noise.
const LEGIBLE = /^(text\/|image\/svg|application\/([\w.-]+\+)?json)/;

async function send(form) {
  const { method, path } = form.dataset;
  const query = new URLSearchParams();
  let address = path;
  for (const input of form.querySelectorAll("[data-place]")) {
    if (input.dataset.place === "path") {
      address = address.replace(`{${input.name}}`, encodeURIComponent(input.value));
    } else if (input.value !== "") {
      query.set(input.name, input.value);
    }
  }
  const headers = { Accept: "application/json" };
  if (token.value) headers.Authorization = `Bearer ${token.value.trim()}`;
  const body = form.querySelector("[data-body]");
  if (body) headers["Content-Type"] = form.querySelector("[data-media]").value;
  const search = query.size ? `?${query}` : "";
  const answer = await fetch(address + search, {
    method: method.toUpperCase(),
    headers,
    body: body ? body.value : undefined,
    credentials: "omit",
  });
  const told = `${answer.status} ${answer.statusText}`;
  const type = answer.headers.get("Content-Type") ?? "";
  if (LEGIBLE.test(type)) return { text: `${told}\n\n${readable(await answer.text())}` };
  const file = await answer.blob();
  const name = /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1];
  return { text: `${told}\n\n${type} (${file.size} B)`, file, name: name ?? address.split("/").pop() };
}

function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

let description = null;

async function example(kind) {
  description ??= await (await fetch("/api/openapi.json")).json();
  const [shown] = description.components.schemas[`Event-${kind}`].examples;
  return JSON.stringify({ ...shown, id: crypto.randomUUID?.() ?? shown.id }, null, 2);
}

for (const form of document.querySelectorAll("form.try")) {
  const shown = form.querySelector(".answer");
  const link = form.querySelector("[data-file]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    shown.hidden = false;
    shown.textContent = "…";
    try {
      const { text, file, name } = await send(form);
      shown.textContent = text;
      link.parentElement.hidden = !file;
      URL.revokeObjectURL(link.href);
      if (file) Object.assign(link, { href: URL.createObjectURL(file), download: name });
    } catch (error) {
      shown.textContent = String(error);
    }
  });
  form.querySelector("[data-example]")?.addEventListener("change", async (event) => {
    if (event.target.value) form.querySelector("[data-body]").value = await example(event.target.value);
  });
}

// A problem's `type` leads to its row, and an operation's name to its form.
const named = document.getElementById(location.hash.slice(1));
if (named instanceof HTMLDetailsElement) named.open = true;
