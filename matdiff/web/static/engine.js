"use strict";
/* Answers come from the server that this page is from: one line of JSON for each part, as soon as it is there. */
const session = Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");

const engine = {
  ready: Promise.resolve(),
  pause: 50,
  async *ask(name, asked, channel, signal) {
    const answer = await fetch(`api/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Session": `${session}-${channel}` },
      body: JSON.stringify(asked),
      signal,
    });
    if (!answer.ok) {
      yield await answer.json();
      return;
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) yield JSON.parse(line);
    }
  },
};
