import { Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.js';
import { exitCodes } from '../cli/exit-codes.js';
import { driverFlag } from '../cli/flags.js';
import { type Check, type Diagnosis, diagnose, isReady, repair } from '../machines/check-drivers.js';
import { type CheckRow, checkList } from '../machines/views/doctor-checks.js';

export default class Doctor extends BaseCommand<typeof Doctor> {
  static override summary = 'Check this computer for what each driver needs';
  static override description = 'The exit code is that of the default driver, or of the one named with -d.';
  static override flags = {
    ...driverFlag('Driver that the exit code is about'),
    fix: Flags.boolean({ summary: 'Install what is missing, and delete what interrupted removals left' }),
  };
  static override examples = [
    { description: 'Check all drivers', command: '<%= config.bin %> doctor' },
    { description: 'Install what is missing', command: '<%= config.bin %> doctor --fix' },
  ];

  async run(): Promise<Diagnosis[]> {
    const context = await this.context();
    const { driver } = this.flags;
    const named = driver === undefined ? undefined : context.drivers.nameOf(driver);
    // Rejects an unknown driver.
    if (named !== undefined && !context.drivers.names.includes(named)) await context.drivers.load(named);
    const found = await diagnose(context, named === undefined ? undefined : [named]);
    const diagnoses = this.flags.fix ? await repair(found, context) : found;
    const chosen = await context.settings.driver(driver).catch(() => undefined);
    if (!isReady(diagnoses, chosen)) process.exitCode = exitCodes.failed;
    this.print(
      diagnoses
        .map(({ driver, checks }) => checkList(driver, checks.map(checkRow), { color: this.color }))
        .join('\n'),
    );
    return diagnoses;
  }
}

function checkRow({ fix, ...check }: Check): CheckRow {
  return { ...check, fixable: fix !== undefined };
}
