/** The folder itself is the root: other lock files above it are not asked. */
export default { turbopack: { root: import.meta.dirname }, reactStrictMode: false };
