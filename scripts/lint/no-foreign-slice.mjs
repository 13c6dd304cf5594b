/**
 * Bytes of somebody else's are copied and cut with `copyOf` and `viewOf` of bindings/bytes.ts, not by methods of their own:
 * `slice()` of a Buffer is a view of the same bytes, and a subclass has methods and constructors that are anybody's.
 *
 * Whose bytes they are cannot be told from a type. So `slice` is refused of every byte array (`copyOf` is as short), `subarray`
 * of what a function was given as a parameter: `viewOf` cuts that. Of an array of one's own, in a field or made on the spot, it
 * is allowed.
 */
/** Of words there are no Buffers. */
const TYPES = { slice: /^(Uint8Array|Buffer)\b/, subarray: /^(Uint8Array|Uint32Array|Buffer)\b/ };

/** @type {import('eslint').Rule.RuleModule} */
export default {
  meta: {
    type: 'problem',
    schema: [{ enum: ['slice', 'subarray'] }, { enum: ['slice', 'subarray'] }],
    messages: {
      slice: 'slice() of a Buffer is a view: use copyOf(bytes, from, to), or Uint8Array.from().',
      subarray: 'these bytes may be a caller’s, with a subarray() of their own: use viewOf(bytes, from, to).',
    },
  },
  create(context) {
    const services = context.sourceCode.parserServices;
    const methods = context.options.length > 0 ? context.options : ['slice', 'subarray'];
    const checker = services.program.getTypeChecker();

    const isOf = (types, node) => {
      const type = services.getTypeAtLocation(node);
      const parts = type.isUnion() ? type.types : [type];
      return parts.some((part) => types.test(checker.typeToString(part)));
    };

    const isParameter = (node) => {
      if (node.type !== 'Identifier') return false;
      for (let scope = context.sourceCode.getScope(node); scope; scope = scope.upper) {
        const variable = scope.set.get(node.name);
        if (variable) return variable.defs.some(({ type }) => type === 'Parameter');
      }
      return false;
    };

    return {
      'CallExpression > MemberExpression.callee'({ object, property, computed }) {
        const name = computed ? property.value : property.name;
        if (!methods.includes(name)) return;
        if (name === 'subarray' && !isParameter(object)) return;
        if (isOf(TYPES[name], object)) context.report({ node: property, messageId: name });
      },
    };
  },
};
