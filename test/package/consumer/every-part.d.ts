type Library = Pick<typeof import('../../../bindings/index.js'), 'Engine' | 'MemoryBacking' | 'Zram'>;

/** @param before is told the name of each part before its first call */
export declare function everyPart(library: Library, before?: (part: string) => void): Promise<[string, unknown][]>;
