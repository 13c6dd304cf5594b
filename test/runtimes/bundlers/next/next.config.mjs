export default {
  // Required by the server as it is: a bundle there has no files beside it.
  serverExternalPackages: ['zram-wasm'],
  // The folder itself: other lock files above it are not asked.
  turbopack: { root: import.meta.dirname },
  reactStrictMode: false,
};
