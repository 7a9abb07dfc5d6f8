/** The text as it stood there. */
export declare function textOf(value: unknown): string;
/** An integer in [min, max]; undefined for anything else. */
export declare function integerOf(value: unknown, min: number, max: number): number | undefined;
export declare function isToken(text: string, charsMax: number): boolean;
