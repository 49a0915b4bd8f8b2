/**
 * Writes small ISO 9660 images with Joliet names: a single folder. Section numbers are those of
 * ECMA-119, 4th edition; Joliet is Microsoft's specification of 1995, which Linux reads too.
 */

const sectorBytes = 2048;

/** 6.2.1: the first 16 sectors are the system's own. */
const firstDescriptor = 16;

/** Two trees list the same files: with plain names (primary), and with those of Joliet. */
interface Tree {
  type: 1 | 2;
  encode: (text: string) => Buffer;
  blank: Buffer;
  pathTableLittle: number;
  pathTableBig: number;
  root: number;
}

interface Extent {
  name: string;
  sector: number;
  data: Buffer;
}

const primary: Tree = {
  type: 1,
  encode: (text) => Buffer.from(text, 'latin1'),
  blank: Buffer.from(' '),
  pathTableLittle: 19,
  pathTableBig: 20,
  root: 23,
};

const joliet: Tree = {
  type: 2,
  encode: (text) => Buffer.from(text, 'utf16le').swap16(),
  blank: Buffer.from([0, 0x20]),
  pathTableLittle: 21,
  pathTableBig: 22,
  root: 24,
};

/** @param label up to 16 characters. @param files text by name */
export function isoImage(label: string, files: Readonly<Record<string, string>>): Buffer {
  const extents = layOut(files);
  const end = extents.reduce((sector, { data }) => sector + sectorsOf(data), joliet.root + 1);
  const image = Buffer.alloc(end * sectorBytes);
  const put = (sector: number, data: Buffer) => data.copy(image, sector * sectorBytes);

  put(firstDescriptor, descriptor(primary, label, end));
  put(firstDescriptor + 1, descriptor(joliet, label, end));
  put(firstDescriptor + 2, Buffer.from('\xffCD001\x01', 'latin1'));
  for (const tree of [primary, joliet]) {
    put(tree.pathTableLittle, pathTable(tree, 'little'));
    put(tree.pathTableBig, pathTable(tree, 'big'));
    put(tree.root, folder(tree, extents));
  }
  for (const { sector, data } of extents) put(sector, data);
  return image;
}

/** Sorted by name, as 9.3 and Joliet require. */
function layOut(files: Readonly<Record<string, string>>): Extent[] {
  let sector = joliet.root + 1;
  return Object.keys(files)
    .sort()
    .map((name) => {
      if (name.length > 64 || /[*/:;?\\]/.test(name)) throw new Error(`"${name}" is not a valid Joliet name`);
      const extent = { name, sector, data: Buffer.from(files[name] ?? '') };
      sector += sectorsOf(extent.data);
      return extent;
    });
}

function sectorsOf(data: Buffer): number {
  return Math.ceil(data.length / sectorBytes);
}

/** 8.4 and 8.5: describes the volume and locates its root folder. */
function descriptor(tree: Tree, label: string, sectors: number): Buffer {
  const { type, encode, blank } = tree;
  if (encode(label).length > 32) throw new Error(`the label "${label}" is too long`);
  const block = Buffer.alloc(sectorBytes);
  block.write(`${String.fromCharCode(type)}CD001\x01`, 0, 'latin1');
  const textField = (text: string, from: number, to: number) => {
    block.fill(blank, from, to);
    encode(text).copy(block, from);
  };
  textField('', 8, 40);
  textField(label, 40, 72);
  bothEndian32(block, 80, sectors);
  // Joliet's escape sequence: UCS-2, level 3.
  if (tree === joliet) block.write('%/E', 88, 'latin1');
  bothEndian16(block, 120, 1);
  bothEndian16(block, 124, 1);
  bothEndian16(block, 128, sectorBytes);
  bothEndian32(block, 132, pathTable(tree, 'little').length);
  block.writeUInt32LE(tree.pathTableLittle, 140);
  block.writeUInt32BE(tree.pathTableBig, 148);
  record(Buffer.from([0]), tree.root, sectorBytes, true).copy(block, 156);
  // Publisher, preparer, application and three file names: all empty.
  textField('', 190, 813);
  // 8.4.26.1: sixteen digits and a zone, all zero for an unset date.
  for (const at of [813, 830, 847, 864]) block.write('0'.repeat(16), at, 'latin1');
  block[881] = 1;
  return block;
}

/** 9.4, of the root folder alone. */
function pathTable({ root }: Tree, order: 'little' | 'big'): Buffer {
  const table = Buffer.alloc(10);
  table[0] = 1;
  if (order === 'little') {
    table.writeUInt32LE(root, 2);
    table.writeUInt16LE(1, 6);
  } else {
    table.writeUInt32BE(root, 2);
    table.writeUInt16BE(1, 6);
  }
  return table;
}

/** 6.8: the folder itself, its parent (itself again), and the files. */
function folder(tree: Tree, extents: readonly Extent[]): Buffer {
  const names = extents.map(({ name }, index) =>
    tree === joliet ? tree.encode(name) : tree.encode(`FILE${String(index + 1).padStart(3, '0')}.;1`),
  );
  const all = Buffer.concat([
    record(Buffer.from([0]), tree.root, sectorBytes, true),
    record(Buffer.from([1]), tree.root, sectorBytes, true),
    ...extents.map(({ sector, data }, index) =>
      record(names[index] ?? Buffer.alloc(0), sector, data.length, false),
    ),
  ]);
  if (all.length > sectorBytes) throw new Error(`${extents.length} files are too many for one sector`);
  return all;
}

/** 9.1: a file's or a folder's name, place and length. Its date is all zero: unset. */
function record(name: Buffer, sector: number, bytes: number, isFolder: boolean): Buffer {
  const length = 33 + name.length + ((name.length + 1) % 2);
  const entry = Buffer.alloc(length);
  entry[0] = length;
  bothEndian32(entry, 2, sector);
  bothEndian32(entry, 10, bytes);
  entry[25] = isFolder ? 2 : 0;
  bothEndian16(entry, 28, 1);
  entry[32] = name.length;
  name.copy(entry, 33);
  return entry;
}

/** 7.3.3: little-endian, then big-endian. */
function bothEndian32(block: Buffer, at: number, value: number): void {
  block.writeUInt32LE(value, at);
  block.writeUInt32BE(value, at + 4);
}

function bothEndian16(block: Buffer, at: number, value: number): void {
  block.writeUInt16LE(value, at);
  block.writeUInt16BE(value, at + 2);
}
