/** Processor time of this process in milliseconds: a busy machine adds any number of the clock's, and hardly any of these. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
