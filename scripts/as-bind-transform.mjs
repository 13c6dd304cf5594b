// Writes the custom section that as-bind's runtime reads: the signatures of functions whose arguments it is to convert.
//
// as-bind's own transform was made for asc 0.19 and cannot be loaded by asc 0.20 or later. Its converters for strings and
// arrays assume the object layout of that time as well, and with today's they fail silently. So only numbers may cross:
// an exported function with any other type stops the build here, not a user later.
//
// Numbers cross as they are: an export of numbers only is left out of the section, and as-bind passes it on unwrapped.
// Its signatures would be a tenth of the core, read and turned into wrappers at every start.
import { CommonFlags, ElementKind, SourceKind } from 'assemblyscript';
import { Transform } from 'assemblyscript/transform';

const SECTION = 'as-bind_bindings';
const NUMERIC = /^(?:[iu](?:8|16|32|64|size)|f(?:32|64)|bool|void)$/;

export default class AsBindTransform extends Transform {
  afterCompile(module) {
    for (const file of this.program.filesByName.values()) {
      if (file.source.sourceKind === SourceKind.UserEntry) checkExports(file);
    }
    const importedFunctions = {};
    for (const [from, elements] of this.program.moduleImports) {
      for (const [name, element] of elements) {
        // as-bind's loader supplies the runtime's own imports (abort, trace, seed) itself.
        if (element.kind !== ElementKind.Function || element.internalName.startsWith('~')) continue;
        (importedFunctions[from] ??= {})[name] = describe(name, element);
      }
    }
    const json = JSON.stringify({ typeIds: {}, importedFunctions, exportedFunctions: {} });
    module.addCustomSection(SECTION, new TextEncoder().encode(json));
  }
}

/** Stops the build at a function that `file` exports, itself or by `export * from`, and that takes or gives no number. */
function checkExports(file) {
  for (const [name, element] of file.exports ?? []) {
    if (element.kind !== ElementKind.FunctionPrototype) continue;
    for (const instance of element.instances?.values() ?? []) {
      if (instance.is(CommonFlags.Compiled)) describe(name, instance);
    }
  }
  for (const star of file.exportsStar ?? []) checkExports(star);
}

/** The shape that as-bind wants for one function: type names in AssemblyScript's spelling. */
function describe(name, { signature }) {
  const returnType = signature.returnType.toString();
  const parameters = signature.parameterTypes.map(String);
  const bad = [returnType, ...parameters].find((type) => !NUMERIC.test(type));
  if (bad) throw new Error(`${name}: ${bad} cannot cross the boundary; pass numbers, and bytes through memory`);
  return { returnType, parameters };
}
