// The buttons of a sheet: each asks the server whether the answer in its box is right.
"use strict";

async function check(button, box, shown) {
  const problem = Number(button.dataset.problem);
  button.disabled = true;
  shown.dataset.status = "";
  shown.textContent = "…";
  try {
    const reply = await fetch("/api/sheet", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sheet: location.pathname, problem, answer: box.value }),
    });
    const found = await reply.json();
    shown.dataset.status = found.error ? "error" : found.status;
    shown.textContent = found.error ? found.error.said || found.error.message : found.said;
  } catch {
    shown.dataset.status = "error";
    shown.textContent = "The server does not answer.";
  }
  button.disabled = false;
}

for (const button of document.querySelectorAll("button[data-problem]")) {
  const box = document.getElementById(`answer-${button.dataset.problem}`);
  const shown = button.parentElement.querySelector("output");
  button.addEventListener("click", () => check(button, box, shown));
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) check(button, box, shown);
  });
}
