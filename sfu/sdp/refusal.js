// Why an SDP text is not taken: a code for machines and one sentence for a developer, which names the line
// or the field. Never holds a password. Thrown inside this folder, returned by its functions.
export class Refusal extends Error {
    code;
    constructor(code, message) {
        super(message);
        this.name = 'Refusal';
        this.code = code;
    }
}
/** What `read` returns, or the refusal it throws. Anything else that it throws is a bug and goes on. */
export function orRefusal(read) {
    try {
        return read();
    }
    catch (error) {
        if (error instanceof Refusal)
            return error;
        throw error;
    }
}
//# sourceMappingURL=refusal.js.map