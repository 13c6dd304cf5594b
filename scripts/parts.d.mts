export declare const PARTS: Readonly<Record<string, readonly string[]>>;
