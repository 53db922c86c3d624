// A classic script, loaded before anything is painted: what a person chose is there from the start.
// Of who is signed in the server has said the theme already; it is kept here for the way back in.
(() => {
  const chosen = document.documentElement.dataset;
  try {
    if (!("themeKept" in chosen)) {
      const theme = localStorage.getItem("theme");
      if (theme) chosen.theme = theme;
    } else if (chosen.theme) {
      localStorage.setItem("theme", chosen.theme);
    } else {
      localStorage.removeItem("theme");
    }
  } catch {
    // Storage is forbidden: the system's theme it is.
  }
})();
