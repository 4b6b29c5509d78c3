import type { HeaderList } from '../../src/header-list.ts'

/** One block of RFC 7541 appendix C and the state that it leaves. */
export interface Vector {
  readonly hex: string
  readonly list: HeaderList
  /** Dynamic table afterwards, newest first. */
  readonly table: readonly (readonly [name: string, value: string])[]
  readonly tableSize: number
}

export interface VectorSection {
  readonly section: string
  readonly maxTableSize: number
  readonly vectors: readonly Vector[]
}

const request1: HeaderList = [
  ':method',
  'GET',
  ':scheme',
  'http',
  ':path',
  '/',
  ':authority',
  'www.example.com',
]
const request2: HeaderList = [...request1, 'cache-control', 'no-cache']
const request3: HeaderList = [
  ':method',
  'GET',
  ':scheme',
  'https',
  ':path',
  '/index.html',
  ':authority',
  'www.example.com',
  'custom-key',
  'custom-value',
]
const authority = [':authority', 'www.example.com'] as const
const noCache = ['cache-control', 'no-cache'] as const
const requestTables = [
  { table: [authority], tableSize: 57 },
  { table: [noCache, authority], tableSize: 110 },
  { table: [['custom-key', 'custom-value'] as const, noCache, authority], tableSize: 164 },
]

const date1 = 'Mon, 21 Oct 2013 20:13:21 GMT'
const date2 = 'Mon, 21 Oct 2013 20:13:22 GMT'
const location = ['location', 'https://www.example.com'] as const
const isPrivate = ['cache-control', 'private'] as const
const cookie = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'
const response1: HeaderList = [':status', '302', ...isPrivate, 'date', date1, ...location]
const response2: HeaderList = [':status', '307', ...isPrivate, 'date', date1, ...location]
const response3: HeaderList = [
  ':status',
  '200',
  ...isPrivate,
  'date',
  date2,
  ...location,
  'content-encoding',
  'gzip',
  'set-cookie',
  cookie,
]
const responseTables = [
  {
    table: [location, ['date', date1] as const, isPrivate, [':status', '302'] as const],
    tableSize: 222,
  },
  {
    table: [[':status', '307'] as const, location, ['date', date1] as const, isPrivate],
    tableSize: 222,
  },
  {
    table: [
      ['set-cookie', cookie] as const,
      ['content-encoding', 'gzip'] as const,
      ['date', date2] as const,
    ],
    tableSize: 215,
  },
]

function section(
  name: string,
  maxTableSize: number,
  lists: readonly HeaderList[],
  tables: readonly Pick<Vector, 'table' | 'tableSize'>[],
  blocks: readonly string[],
): VectorSection {
  const vectors = blocks.map((hex, i) => ({
    hex: hex.replaceAll(' ', ''),
    list: lists[i] as HeaderList,
    table: tables[i]?.table ?? [],
    tableSize: tables[i]?.tableSize ?? 0,
  }))
  return { section: name, maxTableSize, vectors }
}

export const rfc7541Vectors: readonly VectorSection[] = [
  section(
    'C.2.1 literal with indexing',
    4096,
    [['custom-key', 'custom-header']],
    [{ table: [['custom-key', 'custom-header']], tableSize: 55 }],
    ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'],
  ),
  section(
    'C.2.2 literal without indexing',
    4096,
    [[':path', '/sample/path']],
    [],
    ['040c 2f73 616d 706c 652f 7061 7468'],
  ),
  section(
    'C.2.3 literal never indexed',
    4096,
    [['password', 'secret']],
    [],
    ['1008 7061 7373 776f 7264 0673 6563 7265 74'],
  ),
  section('C.2.4 indexed', 4096, [[':method', 'GET']], [], ['82']),
  section('C.3 requests', 4096, [request1, request2, request3], requestTables, [
    '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
    '8286 84be 5808 6e6f 2d63 6163 6865',
    '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
  ]),
  section('C.4 requests with Huffman', 4096, [request1, request2, request3], requestTables, [
    '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
    '8286 84be 5886 a8eb 1064 9cbf',
    '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
  ]),
  section('C.5 responses', 256, [response1, response2, response3], responseTables, [
    '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133' +
      '2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70' +
      '6c65 2e63 6f6d',
    '4803 3330 37c1 c0bf',
    '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d' +
      '54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049' +
      '5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e' +
      '3d31',
  ]),
  section('C.6 responses with Huffman', 256, [response1, response2, response3], responseTables, [
    '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6' +
      '2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
    '4883 640e ffc1 c0bf',
    '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab' +
      '77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f' +
      '9587 3160 65c0 03ed 4ee5 b106 3d50 07',
  ]),
]
