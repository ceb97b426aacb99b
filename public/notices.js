// Shows notices where a page may not do so by itself, as on Android, and brings whoever presses one to its page. Nothing that a
// page asks for goes through it.
addEventListener('notificationclick', (event) => {
  event.notification.close();
  const address = event.notification.data;
  const come = async () => {
    const pages = await clients.matchAll({ type: 'window', includeUncontrolled: true });
    const page = pages.find(({ url }) => new URL(url).pathname === address);
    return page === undefined ? clients.openWindow(address) : page.focus();
  };
  event.waitUntil(come());
});
