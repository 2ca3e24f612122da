// The arrows that unfold the table of contents have no accessible name: say what they unfold.
document.addEventListener("DOMContentLoaded", () => {
  for (const arrow of document.querySelectorAll("nav li > details > summary")) {
    const entry = arrow.closest("li").querySelector("a");
    if (entry && !arrow.textContent.trim()) {
      arrow.setAttribute("aria-label", `Pages of ${entry.textContent.trim()}`);
    }
  }
});

// Code in a table breaks after a dot, an underscore or a bracket, and not inside a word.
document.addEventListener("DOMContentLoaded", () => {
  for (const code of document.querySelectorAll(".bd-article td code .pre")) {
    code.innerHTML = code.innerHTML.replace(/[._(\[](?=\w)/g, "$&<wbr>");
  }
});

// What scrolls sideways, such as a wide table on a phone, has to do so for the keyboard too. What is
// in a fold has no width before that opens.
const scrolling = ".cell_output .output.text_html, .bd-article .pst-scrollable-table-container";
const reach = () => {
  for (const box of document.querySelectorAll(scrolling)) {
    if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0;
    }
  }
};
addEventListener("load", reach);
addEventListener("toggle", reach, true);
