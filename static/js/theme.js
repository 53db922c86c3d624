// A classic script, loaded before anything is painted: what a person chose is there from the start.
(() => {
  for (const name of ["theme", "layout"]) {
    try {
      const chosen = localStorage.getItem(name);
      if (chosen) document.documentElement.dataset[name] = chosen;
    } catch {
      // Storage is forbidden: the system's theme and the usual layout it is.
    }
  }
})();
