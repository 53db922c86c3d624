// A classic script, before anything is painted: the theme that the person chose in the account.
(() => {
  const theme = document.querySelector('meta[name="theme"]').content;
  if (theme) document.documentElement.dataset.theme = theme;
})();
