// The code that does what the playground does: the same body to the same address.
import { body, endpoint } from "./request.js";

export function code(language, { gateway, model, locked, messages, parameters }) {
  const asked = body(model, messages, parameters);
  return { curl, python, javascript }[language](gateway, asked, parameters, locked);
}

function curl(gateway, asked, parameters, locked) {
  const quoted = JSON.stringify(asked, null, 2).replaceAll("'", "'\\''");
  return [
    `curl ${asked.stream ? "-N " : ""}${gateway}${endpoint(parameters)}`,
    `-H 'Content-Type: application/json'`,
    ...(locked ? [`-H "Authorization: Bearer $TOKEN"`] : []),
    `-d '${quoted}'`,
  ].join(" \\\n  ");
}

function python(gateway, asked, parameters, locked) {
  const completion = parameters.mode === "completion";
  const call = completion ? "completions" : "chat.completions";
  const lines = [
    ...(locked ? ["import os", ""] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${gateway}/v1", api_key=${locked ? 'os.environ["TOKEN"]' : '"none"'})`,
    `answer = client.${call}.create(`,
    ...Object.entries(asked).map(([name, value]) => `    ${name}=${literal(value)},`),
    ")",
  ];
  if (asked.stream) {
    lines.push("for event in answer:", "    if event.choices:", `        print(event.choices[0].${completion ? "text" : "delta.content"} or "", end="", flush=True)`);
  } else {
    lines.push(`print(answer.choices[0].${completion ? "text" : "message.content"})`);
  }
  return lines.join("\n");
}

// JSON as Python has it; strings are the same in both.
function literal(value) {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${literal(each)}`).join(", ")}}`;
  return JSON.stringify(value);
}

function javascript(gateway, asked, parameters, locked) {
  const completion = parameters.mode === "completion";
  const lines = [
    `const response = await fetch("${gateway}${endpoint(parameters)}", {`,
    `  method: "POST",`,
    `  headers: { "content-type": "application/json"${locked ? ", authorization: `Bearer ${process.env.TOKEN}`" : ""} },`,
    `  body: JSON.stringify(${JSON.stringify(asked, null, 2).replaceAll("\n", "\n  ")}),`,
    `});`,
  ];
  if (asked.stream) {
    lines.push(
      "let rest = \"\";",
      "for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {",
      "  const lines = (rest + piece).split(\"\\n\");",
      "  rest = lines.pop();",
      "  for (const line of lines) {",
      "    if (!line.startsWith(\"data: {\")) continue;",
      `    process.stdout.write(JSON.parse(line.slice(6)).choices[0]?.${completion ? "text" : "delta.content"} ?? "");`,
      "  }",
      "}",
    );
  } else {
    lines.push(`console.log((await response.json()).choices[0].${completion ? "text" : "message.content"});`);
  }
  return lines.join("\n");
}
