import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import addFormats from 'ajv-formats';
import { type Document, OpenAPIBackend } from 'openapi-backend';

/**
 * DigitalOcean's OpenAPI document, reduced to what a driver needs. It is not part of this
 * repository.
 */
const path = resolve('../shared/digitalocean-openapi.json');

export interface Exchange {
  method: string;
  /** Includes `/v2`. */
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body?: unknown;
}

/** Lists how a request or a response violates the specification. */
export interface Specification {
  request(exchange: Exchange): string[];
  answer(exchange: Exchange, status: number, body: unknown): string[];
}

/** @returns undefined if the document is missing: then nothing is checked */
export async function readSpecification(): Promise<Specification | undefined> {
  if (!existsSync(path)) {
    console.warn(`${path} is not there: requests are not held against DigitalOcean's specification`);
    return undefined;
  }
  const definition = JSON.parse(await readFile(path, 'utf8')) as Document;
  const api = new OpenAPIBackend({
    definition,
    quick: true,
    ajvOpts: { strict: false, unicodeRegExp: false, logger: false },
    customizeAjv: (ajv) => {
      addFormats.default(ajv);
      return ajv;
    },
  });
  await api.init();
  const format = (errors: unknown): string[] => (errors ? [JSON.stringify(errors)] : []);
  return {
    request(exchange) {
      // The document is wrong about this request: two alternatives of its "oneOf" are identical.
      if (exchange.path === '/v2/droplets/actions') return [];
      const operation = api.matchOperation(exchange);
      if (!operation) return [`the specification has no ${exchange.method} ${exchange.path}`];
      return format(api.validateRequest(exchange, operation).errors);
    },
    answer(exchange, status, body) {
      const operation = api.matchOperation(exchange);
      if (!operation) return [];
      return format(api.validateResponse(body, operation, status).errors);
    },
  };
}
