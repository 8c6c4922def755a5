// What makes the desk quicker; everything works without it.
"use strict";

// A second tap on a form that is on its way does nothing.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    else if (!event.submitter || !["add", "drop", "turn"].includes(event.submitter.name)) form.dataset.sent = "yes";
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// What is typed into the hidden fields of a form can be looked at, and is hidden again before it is sent.
for (const button of document.querySelectorAll("[data-reveal]")) {
  const fields = button.form.querySelectorAll("input[type=password]");
  const reveal = (shown) => {
    for (const field of fields) field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", shown);
  };
  button.hidden = false;
  button.addEventListener("click", () => reveal(button.getAttribute("aria-pressed") !== "true"));
  button.form.addEventListener("submit", () => reveal(false));
}

// What is wrong is read out, and Tab goes on from there.
document.getElementById("refusal")?.focus();

// A further line is a copy of the last one: what is picked stays, what is typed is new.
const SIGNS = "23456789ABCDEFGHJKMNPQRSTVWXYZ";
function anew(text) {
  const signs = crypto.getRandomValues(new Uint8Array(5));
  return text.replace(/-[0-9A-Z]{5}$/, "-" + Array.from(signs, (sign) => SIGNS[sign % SIGNS.length]).join(""));
}
for (const button of document.querySelectorAll('button[name="add"]')) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    const lines = button.parentElement.querySelectorAll("[data-line]");
    const last = lines[lines.length - 1];
    const line = last.cloneNode(true);
    const [from, to] = [lines.length - 1, lines.length];
    const named = (text) => text.replace(`${button.value}.${from}.`, `${button.value}.${to}.`);
    const identified = (text) => text.split(`${button.value.replaceAll(".", "-")}-${from}-`).join(`${button.value.replaceAll(".", "-")}-${to}-`);
    for (const part of line.querySelectorAll("*")) {
      if (part.name) part.name = named(part.name);
      for (const name of ["id", "for", "list", "aria-describedby"])
        if (part.hasAttribute(name)) part.setAttribute(name, identified(part.getAttribute(name)));
      if (part.name === "drop") part.value = `${button.value}.${to}`;
      part.removeAttribute("aria-invalid");
    }
    for (const part of line.querySelectorAll(".problem, summary small")) part.remove();
    for (const drop of [...last.querySelectorAll(".drop"), ...line.querySelectorAll(".drop")]) drop.hidden = false;
    line.querySelector("[data-number]").textContent = last.querySelector("[data-number]").textContent.replace(from + 1, to + 1);
    last.after(line);
    const before = last.querySelectorAll("input, select, textarea");
    line.querySelectorAll("input, select, textarea").forEach((field, at) => {
      if (field.tagName === "SELECT") field.value = before[at].value;
      else if (field.type === "checkbox") field.checked = before[at].checked;
      else field.value = /^(outputs\.\d+\.batch|details\.samples\.\d+\.sample)$/.test(field.name) ? anew(before[at].value) : "";
    });
    line.querySelector("input").focus();
  });
}

// A limit is that of one analyte: where another is typed into a panel as it was last time, its limit is not kept.
for (const form of document.querySelectorAll("form.record")) {
  if (form.elements.corrects || document.getElementById("refusal")) continue;
  form.addEventListener("change", ({ target }) => {
    if (!target.name?.endsWith(".analyte") || !target.defaultValue) return;
    for (const part of ["lod", "loq", "limit", "edition"]) {
      const field = form.elements[target.name.replace(/analyte$/, part)];
      if (field && field.value === field.defaultValue) field.value = "";
    }
  });
}

// Files may be dropped; choosing one sends it.
for (const zone of document.querySelectorAll(".drop-zone")) {
  const input = zone.querySelector("input[type=file]");
  for (const name of ["dragenter", "dragover"])
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
  for (const name of ["dragleave", "drop"])
    zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) input.files = event.dataTransfer.files;
  });
}

// A suggestion fills its field; the page is sent once all lines are filled.
for (const button of document.querySelectorAll("[data-pick]")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById(button.dataset.pick).value = button.value;
  });
}

// A heading sorts its column: by number where every cell is one or empty, else as text in which 9 stands before 10.
const BY_TEXT = new Intl.Collator("zh", { numeric: true });
for (const heading of document.querySelectorAll("table[data-sortable] thead th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...heading.childNodes);
  heading.append(button);
  button.addEventListener("click", () => {
    const body = heading.closest("table").tBodies[0];
    const at = [...heading.parentElement.children].indexOf(heading);
    const down = heading.getAttribute("aria-sort") === "ascending";
    const key = (row) => (row.cells[at]?.dataset.key ?? row.cells[at]?.textContent.trim() ?? "").replace(/^—$/, "");
    const rows = [...body.rows];
    const numeric = rows.every((row) => !isNaN(key(row) || "0"));
    const value = (row) => (key(row) === "" ? -Infinity : Number(key(row)));
    const compare = (a, b) => (numeric ? (value(a) > value(b)) - (value(a) < value(b)) : BY_TEXT.compare(key(a), key(b)));
    rows.sort((a, b) => compare(a, b) * (down ? -1 : 1));
    for (const each of heading.parentElement.children) each.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows);
  });
}

// A bar of long work moves by itself; when the work is over the page is asked for again.
for (const bar of document.querySelectorAll("progress[data-poll]")) {
  const ask = async () => {
    const answer = await fetch(bar.dataset.poll, { headers: { Accept: "application/json" } }).catch(() => null);
    const told = answer && answer.ok ? await answer.json() : null;
    if (told === null) return setTimeout(ask, 3000);
    if (told.is_over) return location.reload();
    if (told.percent === null) bar.removeAttribute("value");
    else bar.value = told.percent;
    document.getElementById(bar.getAttribute("aria-labelledby")).textContent = told.text;
    return setTimeout(ask, 700);
  };
  setTimeout(ask, 700);
}
