// For the page that says that the shop is away: looks for it at ever longer intervals, not while nobody looks at the page and
// not in all browsers at once, and loads the page again when there is something to load.
const back = () => fetch(location.href, { method: 'HEAD', cache: 'no-store', redirect: 'manual' }).then(({ status }) => status < 500, () => false);

const look = async (wait) => {
  await new Promise((done) => setTimeout(done, wait * (0.75 + Math.random() / 2)));
  if (!document.hidden && (await back())) location.reload();
  else look(Math.min(wait * 1.5, 10_000));
};

look(1_500);
