/** Before an example: what it logs is sent to the address in the page's query, and so is what it throws. */
const { searchParams } = new URL(document.location.href);
const to = searchParams.get('report');
const lines = [];
console.log = (...values) => void lines.push(values.join(' '));

// Text, and no answer read: the server is another origin.
const send = (path, body) => fetch(`${to}/${path}`, { method: 'POST', mode: 'no-cors', body });

async function report(result) {
  await send('result', JSON.stringify({ name: document.location.pathname, ...result }));
  await send('done', '');
}

export const done = () => report({ text: lines.join(' ') });

for (const name of ['error', 'unhandledrejection']) {
  globalThis.addEventListener(name, (event) => {
    const error = event.reason ?? event.error ?? event;
    void report({ error: String(error.stack ?? error.message ?? error) });
  });
}
