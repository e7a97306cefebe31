// Transpiles a component with jco and runs it as a command, on a host that has no `wasi:sockets`
// unless it is told to.
//
//     node run.mjs [--sockets | --again TIMES | --0.3] COMPONENT FOLDER [ARGUMENT...]
//
// With --again the command is run so many times, one after the other. With --0.3 it is one of WASI 0.3, and
// Node.js must be started with --experimental-wasm-jspi.
//
// The generated files go into FOLDER, beside `imports.json`, the names of all that they import.
// The command's exit status is this one's; 111 says that the command did not come to its end.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import v8 from 'node:v8';
import { transpile } from '@bytecodealliance/jco';
import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';

const NO_END = 111;

// Generates the JavaScript and says what it imports.
async function generate(component, folder, isNew) {
    const { files, imports } = await transpile(await readFile(component), {
        name: 'guest',
        instantiation: 'async',
        noTypescript: true,
        ...(isNew && { asyncMode: 'jspi', asyncExports: ['run'] }),
    });
    for (const [name, bytes] of Object.entries(files)) {
        const path = join(folder, name);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, bytes);
    }
    await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    await writeFile(join(folder, 'imports.json'), JSON.stringify(imports));
}

// All of WASI 0.2 that the shim has, with its sockets or without.
function host(sockets, args) {
    const sandbox = { preopens: {}, env: {}, args: ['guest', ...args], enableNetwork: sockets };
    const offered = Object.entries(new WASIShim({ sandbox }).getImportObject());
    const kept = ([name]) => sockets || !name.startsWith('wasi:sockets/');
    return Object.fromEntries(offered.filter(kept));
}

// The same with what the shim of WASI 0.3 has, but for its sockets. jco imports both by the same names.
async function hostOf3(host, args) {
    const { _setArgs } = await import('@bytecodealliance/preview3-shim/cli');
    const { cli, clocks, random } = await import('@bytecodealliance/preview3-shim');
    _setArgs(['guest', ...args]);
    for (const [name, interfaces] of Object.entries({ cli, clocks, random })) {
        for (const [key, functions] of Object.entries(interfaces)) {
            const kebab = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
            const full = `wasi:${name}/${kebab}`;
            host[full] = { ...host[full], ...functions };
        }
    }
    return host;
}

async function run(folder, host) {
    const guest = await import(pathToFileURL(join(folder, 'guest.js')));
    const load = async (name) => WebAssembly.compile(await readFile(join(folder, name)));
    const exports = await guest.instantiate(load, host);
    // Not by the short name `run`: it is that of every interface of this name that is exported.
    const name = Object.keys(exports).find((name) => name.startsWith('wasi:cli/run@'));
    await exports[name].run();
}

// Position-independent code, such as Python's, needs extended constant expressions. They are part
// of WebAssembly, but V8 has them behind a flag up to that of Node.js 20.
if (Number.parseInt(process.versions.node) <= 20) {
    v8.setFlagsFromString('--experimental-wasm-extended-const');
}

const given = process.argv.slice(2);
const sockets = given[0] === '--sockets';
const isNew = given[0] === '--0.3';
const times = given[0] === '--again' ? Number(given[1]) : 1;
const [component, out, ...args] = given.slice(sockets || isNew ? 1 : times > 1 ? 2 : 0);
for (let time = 0; time < times; time++) {
    try {
        if (time === 0) {
            await generate(resolve(component), resolve(out), isNew);
        }
        const of2 = host(sockets, args);
        await run(resolve(out), isNew ? await hostOf3(of2, args) : of2);
        if (isNew) {
            // Its shim waits for more.
            process.exit();
        }
    } catch (e) {
        console.error(e);
        // That is how a `run` that returns an error looks here.
        process.exitCode = e?.constructor?.name === 'ComponentError' ? 1 : NO_END;
    }
}
