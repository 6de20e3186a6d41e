// Runs before the first paint, so that a chosen theme never flashes the other one.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem('pitwall.theme');
  } catch (refused) {
    chosen = null;
  }
  var dark = matchMedia('(prefers-color-scheme: dark)').matches;
  if (chosen === 'dark' || chosen === 'light') dark = chosen === 'dark';
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
