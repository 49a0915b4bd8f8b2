import { createPaint } from '../../ui/colors.js';
import { oneLine } from '../../ui/text-width.js';
import type { MachinePlan } from '../plan-creation.js';

/** What would be done on each server: a heading with the name, then one line per step. */
export function planList(plans: readonly MachinePlan[], { color }: { color: boolean }): string {
  const paint = createPaint(color);
  return plans
    .map(({ name, address, system, steps }) => {
      const heading = [paint.bold(name), address, system].filter(Boolean).join('  ');
      return [heading, ...steps.map((step) => `  - ${oneLine(step)}`)].join('\n');
    })
    .join('\n');
}
