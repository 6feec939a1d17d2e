"use strict";

// element makes an element of text and elements. Text is never read as HTML.
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

// prose shows text in which `…` is code.
function prose(text) {
  return (text || "").split("`").map((part, i) => (i % 2 ? element("code", null, part) : part));
}

let components = {};

function resolve(thing) {
  let found = thing;
  while (found && found.$ref) found = found.$ref.slice(2).split("/").reduce((at, step) => at && at[step], { components });
  return found || {};
}

function nameOf(schema) {
  return schema.$ref ? schema.$ref.split("/").pop() : "";
}

// kindOf says in words what a schema is.
function kindOf(schema) {
  if (schema.oneOf) return schema.oneOf.map(kindOf).join(" or ");
  const named = nameOf(schema);
  if (named) return named;
  const types = [].concat(schema.type || "anything");
  return types
    .map((type) => {
      if (type === "array") return "array of " + kindOf(schema.items || {});
      if (type === "object" && schema.additionalProperties && schema.additionalProperties !== true) return "map of " + kindOf(schema.additionalProperties);
      return schema.format ? type + " (" + schema.format + ")" : type;
    })
    .join(" or ");
}

const bounds = [
  ["minimum", "at least"], ["maximum", "at most"], ["minLength", "characters, at least"], ["maxLength", "characters, at most"],
  ["minItems", "entries, at least"], ["maxItems", "entries, at most"], ["maxProperties", "entries, at most"], ["pattern", "matches"],
];

function boundsOf(schema) {
  const inner = schema.items && !schema.items.$ref ? schema.items : {};
  const said = bounds.filter(([key]) => schema[key] !== undefined).map(([key, words]) => words + " " + schema[key]);
  const choices = schema.enum || inner.enum;
  if (choices) said.push("one of " + choices.join(", "));
  if (schema.examples) said.push("such as " + schema.examples.join(", "));
  return said.join("; ");
}

// innerOf finds the object whose fields a schema is about, through arrays, maps and choices.
function innerOf(schema) {
  if (schema.oneOf) return schema.oneOf.map(innerOf).find(Boolean) || null;
  if (schema.items) return innerOf(schema.items);
  if (schema.additionalProperties && schema.additionalProperties !== true) return innerOf(schema.additionalProperties);
  return resolve(schema).properties ? schema : null;
}

function field(name, schema, required, description, above) {
  const line = [element("code", null, name), " ", element("span", { class: "quiet" }, kindOf(schema) + (required ? ", required" : ""))];
  const said = boundsOf(resolve(schema).properties ? {} : schema);
  const item = element("li", null, ...line);
  if (description) item.append(element("div", null, ...prose(description)));
  if (said) item.append(element("div", { class: "quiet" }, said));
  const inner = innerOf(schema);
  if (inner && !above.includes(nameOf(inner))) item.append(folded(inner, above));
  return item;
}

// folded shows the fields of an object when they are asked for.
function folded(schema, above) {
  const box = element("details", null, element("summary", null, "Fields"));
  box.addEventListener("toggle", () => { if (box.open && box.children.length === 1) box.append(fields(schema, above)); });
  return box;
}

function fields(schema, above) {
  const object = resolve(schema);
  const required = object.required || [];
  const seen = above.concat(nameOf(schema));
  const names = Object.keys(object.properties || {});
  names.sort((a, b) => required.includes(b) - required.includes(a));
  return element("ul", { class: "fields" },
    ...names.map((name) => field(name, object.properties[name], required.includes(name), object.properties[name].description, seen)));
}

function body(title, content, note) {
  const [type, media] = Object.entries(content || {})[0] || [];
  if (!type) return [];
  const parts = [element("h4", null, title, " ", element("span", { class: "quiet" }, Object.keys(content).join(", ") + (note || "")))];
  const schema = media.schema || {};
  const inner = innerOf(schema);
  if (inner === schema) parts.push(fields(schema, []));
  else parts.push(element("p", null, kindOf(schema)), inner ? fields(inner, []) : "");
  return parts;
}

function parameters(list, where, title) {
  const here = (list || []).filter((p) => p.in === where);
  if (!here.length) return [];
  return [element("h4", null, title), element("ul", { class: "fields" }, ...here.map((p) => field(p.name, p.schema || {}, p.required, p.description, [])))];
}

function answers(responses) {
  const parts = [];
  for (const [status, given] of Object.entries(responses)) {
    if (status >= "300") continue;
    const answer = resolve(given);
    parts.push(element("h4", null, "Answer ", element("code", null, status), " ", element("span", { class: "quiet" }, answer.description || "")));
    parts.push(...body("Content", answer.content));
  }
  const refusals = Object.entries(responses).filter(([status]) => status >= "300");
  if (refusals.length) {
    parts.push(element("h4", null, "Problems"));
    parts.push(element("p", { class: "quiet" }, refusals.map(([status, given]) => status + " " + resolve(given).description).join(" · ")));
  }
  return parts;
}

function operation(method, path, given) {
  const scope = given["x-parley-scope"];
  return element("article", { id: given.operationId },
    element("h3", null, element("span", { class: "method" }, method.toUpperCase()), " ", element("code", null, path)),
    element("p", null, given.summary || "", scope ? " · scope " : "", scope ? element("code", null, scope) : ""),
    given.description ? element("p", null, ...prose(given.description)) : "",
    ...parameters(given.parameters, "path", "In the path"),
    ...parameters(given.parameters, "query", "In the query"),
    ...parameters(given.parameters, "header", "Headers"),
    ...body("Request", given.requestBody && given.requestBody.content, given.requestBody && !given.requestBody.required ? ", may be left out" : ""),
    ...answers(given.responses || {}));
}

// show fills the page from the document.
function show(api) {
  components = api.components || {};
  const tags = new Map((api.tags || []).map((tag) => [tag.name, []]));
  for (const [path, item] of Object.entries(api.paths))
    for (const [method, given] of Object.entries(item)) {
      const tag = (given.tags || [""])[0];
      if (!tags.has(tag)) tags.set(tag, []);
      tags.get(tag).push([method, path, given]);
    }
  const main = document.getElementById("main");
  main.replaceChildren(element("p", { class: "quiet" }, "Version " + api.info.version), ...api.info.description.split("\n\n").map((p) => element("p", null, ...prose(p))));
  const index = document.getElementById("index");
  index.replaceChildren();
  for (const [tag, list] of tags) {
    main.append(element("h2", null, tag), ...list.map(([method, path, given]) => operation(method, path, given)));
    index.append(element("section", null, element("h2", null, tag), element("ul", null,
      ...list.map(([method, path, given]) => element("li", null, element("a", { href: "#" + given.operationId, title: method.toUpperCase() + " " + path }, given.summary))))));
  }
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

document.getElementById("find").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const link of document.querySelectorAll("#index a"))
    link.parentElement.hidden = !(link.textContent + " " + link.title).toLowerCase().includes(wanted);
  for (const section of document.querySelectorAll("#index section"))
    section.hidden = !section.querySelector("li:not([hidden])");
});

fetch("v1/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error("status " + answer.status))))
  .then(show)
  .catch((problem) => document.getElementById("main").replaceChildren(element("p", null, "The document cannot be read: " + problem.message)));
