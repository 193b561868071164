// What is asked of the gateway: one place makes the body, for asking and for the code that is shown.

export function body(model, messages, parameters) {
  const { mode, system, stream, ...numbers } = parameters;
  const asked = { model };
  if (mode === "completion") {
    asked.prompt = [system, ...messages.map((message) => message.content)].filter(Boolean).join("\n");
  } else {
    asked.messages = [...(system ? [{ role: "system", content: system }] : []), ...messages.map(({ role, content }) => ({ role, content }))];
  }
  Object.assign(asked, numbers);
  if (stream) Object.assign(asked, { stream: true, stream_options: { include_usage: true } });
  return asked;
}

export function endpoint(parameters) {
  return parameters.mode === "completion" ? "/v1/completions" : "/v1/chat/completions";
}

// The parameters of the form that say something; what is empty is the model's own.
export function parameters(form) {
  const said = { mode: form.elements.mode.value, system: form.elements.system.value.trim(), stream: form.elements.stream.checked };
  for (const name of ["temperature", "top_p", "max_tokens", "seed"]) {
    const field = form.elements[name];
    if (field.value !== "" && field.checkValidity()) said[name] = Number(field.value);
  }
  const stop = form.elements.stop.value.split(",").map((each) => each.trim().replaceAll("\\n", "\n")).filter(Boolean);
  if (stop.length) said.stop = stop;
  return said;
}
