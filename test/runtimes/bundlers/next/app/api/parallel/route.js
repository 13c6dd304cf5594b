export const dynamic = 'force-dynamic';

/** The same in the server. */
export async function GET() {
  const lines = [];
  const { log } = console;
  console.log = (...values) => void lines.push(values.join(' '));
  try {
    await import('../../../src/parallel.js');
  } catch (error) {
    return new Response(String(error.stack), { status: 500 });
  } finally {
    console.log = log;
  }
  return new Response(lines.join(' '));
}
