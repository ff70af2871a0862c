/**
 * Lets TypeScript know your task types. `herald types --out src/herald.ts` writes a module that adds them to
 * `Register`; from then on, payloads and results are checked.
 *
 * @example
 * declare module "@herald-push/client" {
 *   interface Register { types: HeraldTypes }
 * }
 */

/** An empty class, because an interface of your own can extend it and JSDoc has no interfaces. */
export class Register {}

/**
 * The payload and the result of each registered task type; of any type if none is registered.
 *
 * @typedef {Register extends { types: infer Types } ? Types : Record<string, {payload: any, result: any}>} RegisteredTypes
 */

/**
 * The name of a task type.
 *
 * @template [Types=RegisteredTypes]
 * @typedef {keyof Types & string} TypeName
 */

/**
 * @template {TypeName<Types>} Type
 * @template [Types=RegisteredTypes]
 * @typedef {Types[Type] extends { payload: infer Payload } ? Payload : never} PayloadOf
 */

/**
 * @template {TypeName<Types>} Type
 * @template [Types=RegisteredTypes]
 * @typedef {Types[Type] extends { result: infer Result } ? Result : never} ResultOf
 */
