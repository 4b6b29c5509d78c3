import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TidemillError } from '@tidemill/core'
import { loadProto, type ProtoProblem } from '../../src/proto/index.ts'
import { parseProto } from '../../src/proto/parser.ts'
import { Source } from '../../src/proto/source.ts'
import { Dice } from '../codec/random-message.ts'

const runs = Number(process.env['TIDEMILL_FUZZ_RUNS'] ?? 50_000)
const seed = Number(process.env['TIDEMILL_FUZZ_SEED'] ?? 1)
/** Texts that are also linked, which costs a hundred times the reading of a small one. */
const loads = 600

/** Small, so that a mutation hits something; together every kind of statement. */
const texts = [
  'syntax = "proto3";\npackage shop;\nimport public "b.proto";\nmessage A { optional int32 a = 1 [json_name = "x"]; map<string, B> b = 2; oneof o { B c = 3; } reserved 4, 6 to 8; reserved "z"; }\nmessage B {}\n',
  'syntax = "proto2";\nmessage A { required int32 a = 1 [default = -0x1F]; repeated group G = 2 { optional A b = 1; } extensions 100 to max; enum E { option allow_alias = true; X = 1; Y = 1; } }\nextend A { optional string s = 100 [default = "\\x41\\u00e9"]; }\n',
  'syntax = "proto3";\nimport "google/protobuf/descriptor.proto";\nmessage O { repeated int32 n = 1; O o = 2; }\nextend google.protobuf.MethodOptions { O opt = 50000; }\nservice S { rpc M(stream O) returns (stream O) { option (opt) = { n: [1, 2] o < n: 3 > }; } }\n',
  'edition = "2023";\npackage a.b;\noption features.field_presence = IMPLICIT;\nmessage M { string s = 1 [features.utf8_validation = NONE]; reserved t, u; }\nenum E { Z = 0; reserved -5 to -1; } /* c */ // d\n',
]
const scraps =
  `{ } [ ] ( ) < > ; = " ' . - + \n \\ é \0 /* // 0x 1e "" option message extend stream max 1e999`.split(
    ' ',
  )

function mutate(text: string, dice: Dice): string {
  let mutated = text
  for (let left = 1 + dice.below(3); left > 0; left--) {
    const at = dice.below(mutated.length + 1)
    const scrap = dice.below(3) === 0 ? '' : dice.pick(scraps)
    mutated = mutated.slice(0, at) + scrap + mutated.slice(at + dice.below(8))
  }
  return mutated
}

function checkPlaces(text: string, problems: readonly ProtoProblem[], context: string): void {
  const lines = text.split('\n')
  for (const { line, column, message } of problems) {
    const inside = line <= lines.length && column <= (lines[line - 1]?.length ?? 0) + 1
    assert.ok(line >= 1 && column >= 1 && inside && message !== '', `${context} ${line}:${column}`)
  }
}

describe('mutated .proto text', () => {
  it('is read, or refused with places that are in it', () => {
    const dice = new Dice(seed)
    let clean = 0
    for (let run = 0; run < runs; run++) {
      const text = mutate(dice.pick(texts), dice)
      const source = new Source('a.proto', text)
      parseProto(source)
      if (source.problems.length === 0) clean++
      else checkPlaces(text, source.problems, `seed ${seed} run ${run}: ${JSON.stringify(text)}`)
    }
    assert.ok(clean > runs / 20 && clean < runs * 0.9, `${clean} of ${runs} without a problem`)
  })

  it('ends with types or a coded error', async () => {
    const dice = new Dice(seed + 1)
    let refused = 0
    for (let run = 0; run < loads; run++) {
      const text = mutate(dice.pick(texts), dice)
      const sources = { 'a.proto': text, 'b.proto': '' }
      try {
        await loadProto({ files: ['a.proto'], sources, importPaths: [] })
      } catch (error) {
        refused++
        const context = `seed ${seed} run ${run}: ${JSON.stringify(text)}`
        assert.ok(TidemillError.is(error), `${context} ${String(error)}`)
        assert.equal(error.code, 'TM_RPC_PROTO_INVALID', context)
        checkPlaces(text, error.details['problems'] as ProtoProblem[], context)
      }
    }
    assert.ok(refused > loads / 4 && refused < loads, `${refused} refusals`)
  })
})
