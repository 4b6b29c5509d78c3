import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { createFileRegistry, type FileRegistry, type JsonValue, toJson } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { TidemillError } from '@tidemill/core'
import { findMethod, loadProto, type ProtoProblem } from '../../src/proto/index.ts'
import { compileWithBuf, corpus, ownProtos } from './descriptor-set.ts'

function asJson(proto: FileDescriptorProto, registry: FileRegistry): JsonValue {
  return toJson(FileDescriptorProtoSchema, proto, { registry })
}

async function sameAsBuf(folder: string): Promise<number> {
  const golden = compileWithBuf(folder)
  const own = golden.file.filter((file) => !file.name.startsWith('google/protobuf/'))
  const ours = await loadProto({ files: own.map((file) => file.name), importPaths: [folder] })
  const registry = createFileRegistry(golden)
  for (const file of own) {
    const loaded = [...ours.files].find((at) => at.proto.name === file.name)
    assert.ok(loaded, file.name)
    assert.deepEqual(asJson(loaded.proto, registry), asJson(file, registry))
  }
  return own.length
}

async function problemsOf(text: string, others: Record<string, string> = {}): Promise<string[]> {
  try {
    await loadProto({
      files: ['a.proto'],
      sources: { 'a.proto': text, ...others },
      importPaths: [],
    })
  } catch (error) {
    assert.ok(TidemillError.is(error), String(error))
    assert.equal(error.code, 'TM_RPC_PROTO_INVALID')
    return (error.details['problems'] as ProtoProblem[]).map(
      ({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`,
    )
  }
  return []
}

const v3 = 'syntax = "proto3";\n'
const v2 = 'syntax = "proto2";\n'

describe('loadProto', () => {
  it('gives the descriptors that the Buf compiler gives, options and their extensions included', async () => {
    assert.equal(await sameAsBuf(corpus), 4)
    assert.equal(await sameAsBuf(path.join(import.meta.dirname, 'google-style')), 3)
    assert.ok((await sameAsBuf(ownProtos)) >= 11)
  })

  it('loads from import paths, and a file by its path from its own folder', async () => {
    const root = mkdtempSync(path.join(tmpdir(), 'tm-proto-'))
    try {
      mkdirSync(path.join(root, 'api/shop'), { recursive: true })
      mkdirSync(path.join(root, 'shared'))
      const file = path.join(root, 'api/shop/orders.proto')
      writeFileSync(
        file,
        `${v3}package shop;\nimport "money.proto";\nimport "google/protobuf/empty.proto";\n` +
          'service Orders { rpc Pay(Money) returns (google.protobuf.Empty); }\n',
      )
      writeFileSync(path.join(root, 'shared/money.proto'), `${v3}package shop;\nmessage Money {}\n`)
      const shared = path.join(root, 'shared')
      for (const [files, importPaths, name] of [
        [[file], [shared], 'orders'],
        [['shop/orders.proto'], [path.join(root, 'api'), shared], 'shop/orders'],
        [[file], [path.join(root, 'api'), shared], 'shop/orders'],
      ] as const) {
        const registry = await loadProto({ files, importPaths })
        assert.ok(registry.getFile(`${name}.proto`) ?? registry.getFile(name))
        assert.equal(findMethod(registry, 'shop.Orders/Pay').input.typeName, 'shop.Money')
      }
      const missing = { files: ['no.proto'], importPaths: [shared] }
      await assert.rejects(loadProto(missing), (error) => {
        assert.ok(TidemillError.is(error) && error.code === 'TM_RPC_PROTO_FILE')
        return error.message.includes(`(looked in ${shared})`)
      })
      const outside = { 'a.proto': `${v3}import "../shared/money.proto";` }
      await assert.rejects(
        loadProto({ files: ['a.proto'], sources: outside, importPaths: [shared] }),
        { code: 'TM_RPC_PROTO_INVALID' },
      )
      const importing = { 'a.proto': `${v3}import "no.proto";` }
      await assert.rejects(
        loadProto({ files: ['a.proto'], sources: importing, importPaths: [root, shared] }),
        (error) =>
          String(error).includes(
            `a.proto:2:8: cannot find "no.proto" (looked in ${root}, ${shared})`,
          ),
      )
      await assert.rejects(loadProto({ files: ['../x.proto'], importPaths: [shared] }), {
        code: 'TM_RPC_PROTO_FILE',
      })
    } finally {
      rmSync(root, { recursive: true })
    }
  })

  it('reports every problem of a file with its place', async () => {
    const text = `${v3}package shop;
message A {
  strin x = 1;
  int32 y = 0;
  int32 = 3;
  int32 z = 4
  string w = 5;
}
service S {
  rpc Get(A) returns (Missing);
  rpc Bad(A);
}
enum E { ONE = 1; }
`
    assert.deepEqual(await problemsOf(text), [
      'a.proto:5:13: a field number must be between 1 and 536870911, not 0',
      'a.proto:6:9: expected the name of a field, found "="',
      'a.proto:8:3: expected ";" behind the field, found "string"',
      'a.proto:12:13: expected "returns" behind the request, found ";"',
    ])
    assert.deepEqual(
      await problemsOf(
        `${v3}message A { strin x = 1; B b = 2; }\nservice S { rpc G(A) returns (C); }`,
      ),
      [
        'a.proto:2:13: strin is not declared',
        'a.proto:2:26: B is not declared',
        'a.proto:3:31: C is not declared',
      ],
    )
  })

  it('refuses what does not end, what is no token and what is nested too deep', async () => {
    assert.deepEqual(await problemsOf('/* no end'), ['a.proto:1:1: a comment that does not end'])
    assert.match(
      (await problemsOf(`${v3}import "x`))[0] ?? '',
      /2:8: a string that does not end on its line/u,
    )
    assert.match((await problemsOf(`${v3}message A {`))[0] ?? '', /expected "\}", found the end/u)
    assert.match((await problemsOf(`${v3}\u0001`))[0] ?? '', /2:1: "\\u0001" is not allowed/u)
    assert.match((await problemsOf(`${v3}option go_package = "\\q";`))[0] ?? '', /2:22: an escape/u)
    assert.match((await problemsOf(`${v3}message A { int32 x = 09; }`))[0] ?? '', /not octal/u)
    const deep = 'message A { '.repeat(200) + '}'.repeat(200)
    assert.match((await problemsOf(v3 + deep)).join('\n'), /nested deeper than 64/u)
    const literal = `${v3}option (x) = ${'{ a '.repeat(200)}${'}'.repeat(200)};`
    assert.match((await problemsOf(literal)).join('\n'), /nested deeper than 64/u)
  })

  it('refuses imports that are missing or go in a circle', async () => {
    assert.deepEqual(await problemsOf(`${v3}import "b.proto";\nimport "../c.proto";`), [
      'a.proto:2:8: cannot find "b.proto"',
      'a.proto:3:8: cannot find "../c.proto"',
    ])
    assert.deepEqual(
      await problemsOf(`${v3}import "b.proto";`, { 'b.proto': `${v3}import "a.proto";` }),
      ['b.proto:2:8: "a.proto" imports this file again'],
    )
  })

  it('sees what is imported or publicly imported by an import, nothing else', async () => {
    const others = {
      'b.proto': `${v3}import "c.proto";\nimport public "d.proto";`,
      'c.proto': `${v3}package c;\nmessage C {}`,
      'd.proto': `${v3}package d;\nmessage D {}`,
    }
    const text = `${v3}import "b.proto";\nmessage A { c.C c = 1; d.D d = 2; D e = 3; }`
    assert.deepEqual(await problemsOf(text, others), [
      'a.proto:3:13: c.C is declared in "c.proto", which this file does not import',
      'a.proto:3:35: D is not declared here; did you mean d.D?',
    ])
  })

  const refused: readonly (readonly [string, string, RegExp])[] = [
    [
      'a number twice',
      `${v3}message A { int32 a = 1; int32 b = 1; }`,
      /2:26: b has the number 1 of a/u,
    ],
    [
      'a name twice',
      `${v3}message A { int32 a = 1; int32 a = 2; }`,
      /2:32: A.a is declared already/u,
    ],
    [
      'a reserved number',
      `${v3}message A { reserved 1 to 3; int32 a = 2; }`,
      /number 2 is reserved/u,
    ],
    ['a reserved name', `${v3}message A { reserved "a"; int32 a = 2; }`, /name a is reserved/u],
    ['a number of protobuf', `${v3}message A { int32 a = 19500; }`, /19000 to 19999/u],
    ['an enum of proto3 without 0', `${v3}enum E { A = 1; }`, /first value of E must be 0/u],
    ['an alias without the option', `${v3}enum E { A = 0; B = 0; }`, /allow_alias/u],
    ['an enum without values', `${v3}enum E {}`, /has no values/u],
    [
      'a reserved enum number',
      `${v3}enum E { A = 0; reserved 2; B = 2; }`,
      /number 2 is reserved/u,
    ],
    ['required in proto3', `${v3}message A { required int32 a = 1; }`, /no required fields/u],
    ['a default in proto3', `${v3}message A { int32 a = 1 [default = 1]; }`, /no default/u],
    ['a group in proto3', `${v3}message A { optional group G = 1 {} }`, /no groups/u],
    ['extension ranges in proto3', `${v3}message A { extensions 4; }`, /no extension ranges/u],
    [
      'a missing label in proto2',
      `${v2}message A { int32 a = 1; }`,
      /expected optional, required or repeated/u,
    ],
    ['a label in a oneof', `${v2}message A { oneof o { optional int32 a = 1; } }`, /has no label/u],
    ['an empty oneof', `${v3}message A { oneof o { } }`, /has no fields/u],
    ['a label in editions', 'edition = "2023";\nmessage A { optional int32 a = 1; }', /no labels/u],
    ['an unknown edition', 'edition = "2077";', /edition "2077" is not supported/u],
    [
      'edition 2024',
      'edition = "2024";',
      /1:11: edition "2024" is not supported; use edition 2023/u,
    ],
    [
      'fields of one name in JSON',
      `${v3}message A { int32 foo_bar = 1; int32 fooBar = 2; }`,
      /2:32: fooBar is called fooBar in JSON, as foo_bar is/u,
    ],
    [
      'a JSON name that another field has',
      `${v3}message A { int32 a = 1 [json_name = "b"]; int32 b = 2; }`,
      /2:44: b is called b in JSON, as a is/u,
    ],
    [
      'reserved ranges that overlap',
      `${v3}message A { reserved 1 to 5; reserved 5; }`,
      /2:39: the range shares numbers with 1 to 5/u,
    ],
    [
      'extension ranges that overlap reserved ones',
      `${v2}message A { reserved 3; extensions 1 to 3; }`,
      /2:36: the range shares numbers with 3 to 3/u,
    ],
    [
      'reserved enum ranges that overlap',
      `${v3}enum E { A = 0; reserved 1 to 3, 3; }`,
      /2:34: .*1 to 3/u,
    ],
    [
      'a name reserved twice',
      `${v3}message A { reserved "a", "a"; }`,
      /2:27: a is reserved twice/u,
    ],
    [
      'a reserved identifier in proto3',
      `${v3}message A { reserved a; }`,
      /2:22: .*a string except/u,
    ],
    [
      'a reserved string in editions',
      'edition = "2023";\nenum E { A = 0; reserved "B"; }',
      /2:26: a reserved name is an identifier in editions/u,
    ],
    [
      'two extensions of one number',
      `${v2}message A { extensions 1; }\nextend A { optional int32 x = 1; optional int32 y = 1; }`,
      /3:34: y has the number 1 of x/u,
    ],
    [
      'a JSON name of an extension',
      `${v2}message A { extensions 1; }\nextend A { optional int32 x = 1 [json_name = "y"]; }`,
      /3:34: an extension has no json_name/u,
    ],
    [
      'a method twice',
      `${v3}message A {}\nservice S { rpc M(A) returns (A); rpc M(A) returns (A); }`,
      /3:39: S.M is declared/u,
    ],
    ['an import of itself', `${v3}import "a.proto";`, /2:8: "a.proto" imports this file again/u],
    ['an escape beyond Unicode', `${v3}option go_package = "\\U00110000";`, /2:22: an escape/u],
    ['an unknown syntax', 'syntax = "proto4";', /not "proto4"/u],
    ['a map with float keys', `${v3}message A { map<float, int32> a = 1; }`, /keys of a map/u],
    ['a map in a oneof', `${v3}message A { oneof o { map<int32, int32> a = 1; } }`, /oneof/u],
    [
      'a packed string',
      `${v3}message A { repeated string a = 1 [packed = true]; }`,
      /can be packed/u,
    ],
    ['a service as a type', `${v3}service S {}\nmessage A { S s = 1; }`, /S is not declared/u],
    [
      'an enum as a request',
      `${v3}enum E { A = 0; }\nservice S { rpc X(E) returns (E); }`,
      /E is not declared/u,
    ],
    [
      'an extension outside the ranges',
      `${v2}message A { extensions 1; }\nextend A { optional int32 x = 2; }`,
      /leaves no number 2/u,
    ],
    [
      'proto3 extending a message',
      `${v3}import "b.proto";\nextend B { int32 x = 1; }`,
      /nothing but options/u,
    ],
    [
      'a default of another type',
      `${v2}message A { optional int32 a = 1 [default = "x"]; }`,
      /"x" is not a value of int32/u,
    ],
    [
      'a default out of range',
      `${v2}message A { optional uint32 a = 1 [default = -1]; }`,
      /-1 is not a value/u,
    ],
    [
      'a default that the enum lacks',
      `${v2}enum E { A = 1; }\nmessage M { optional E e = 1 [default = B]; }`,
      /B is not a value of E/u,
    ],
    ['an unknown option', `${v3}option no_such = 1;`, /has no option or field no_such/u],
    ['an unknown extension', `${v3}option (no.such) = 1;`, /no.such is not declared/u],
    ['an option twice', `${v3}option go_package = "a";\noption go_package = "b";`, /is set twice/u],
    ['an option of another type', `${v3}option go_package = 1;`, /1 is not a value of string/u],
    [
      'an option value that the enum lacks',
      `${v3}option optimize_for = FAST;`,
      /FAST is not a value/u,
    ],
    ['fields of a number', `${v3}option deprecated.x = 1;`, /is not a message/u],
    ['two packages', `${v3}package a;\npackage b;`, /one package only/u],
    ['an import twice', `${v3}import "b.proto";\nimport "b.proto";`, /imported twice/u],
    ['a statement that does not exist', `${v3}massage A {}`, /2:1: expected message, enum/u],
  ]
  for (const [what, text, expected] of refused) {
    it(`refuses ${what}`, async () => {
      const b = `${v2}message B { extensions 1; }`
      assert.match((await problemsOf(text, { 'b.proto': b })).join('\n'), expected)
    })
  }

  it('lets proto2 and editions that say so have fields that JSON cannot tell apart', async () => {
    const fields = 'int32 foo_bar = 1; LABEL int32 fooBar = 2;'
    const two = `optional ${fields.replace('LABEL', 'optional')}`
    assert.deepEqual(await problemsOf(`${v2}message A { ${two} }`), [])
    const lax = 'features.json_format = LEGACY_BEST_EFFORT;'
    const ed = 'edition = "2023";\n'
    const one = fields.replace('LABEL ', '')
    assert.equal((await problemsOf(`${ed}message A { ${one} }`)).length, 1)
    assert.deepEqual(await problemsOf(`${ed}message A { option ${lax} ${one} }`), [])
    assert.deepEqual(await problemsOf(`${ed}option ${lax}\nmessage A { ${one} }`), [])
  })

  it('accepts types and fields called like keywords', async () => {
    const text = `${v3}
message message { int32 message = 1; repeated option option = 2; stream stream = 3; string string = 4; }
message option { bool reserved = 1; repeated int32 repeated = 2; }
message stream { int32 oneof = 1; int32 enum = 2; int32 extend = 3; int32 map = 4; int32 group = 5; }
service service { rpc rpc(stream) returns (stream stream); rpc two(stream .stream) returns (.stream); }
`
    assert.deepEqual(await problemsOf(text), [])
  })
})

describe('findMethod', () => {
  it('takes both notations and names near methods', async () => {
    const registry = await loadProto({ files: ['shop/proto3.proto'], importPaths: [corpus] })
    for (const name of [
      'tidemill.test.v3.Orders/Get',
      '/tidemill.test.v3.Orders/Get',
      'tidemill.test.v3.Orders.Get',
    ]) {
      assert.equal(findMethod(registry, name).name, 'Get')
    }
    for (const [name, hint] of [
      ['tidemill.test.v3.Orders/Gett', 'Did you mean tidemill.test.v3.Orders/Get?'],
      ['tidemill.test.v3.Order.Watch', 'Did you mean tidemill.test.v3.Orders/Watch?'],
    ] as const) {
      assert.throws(
        () => findMethod(registry, name),
        (error) =>
          TidemillError.is(error) && error.code === 'TM_RPC_SYMBOL_UNKNOWN' && error.hint === hint,
      )
    }
    assert.throws(() => findMethod(registry, ''), { code: 'TM_RPC_SYMBOL_UNKNOWN' })
  })
})
