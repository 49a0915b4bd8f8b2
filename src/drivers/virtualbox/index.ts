import type { DriverModule } from '../driver.js';
import { engineAtFirstBoot } from '../kit/first-boot.js';

/** Virtual machines of VirtualBox on this computer. Keys, flags and variables are docker-machine's wherever it has one. */
export const driver: DriverModule = {
  name: 'virtualbox',
  summary: 'virtual machines of VirtualBox on this computer',
  settings: [
    {
      key: 'memory',
      summary: 'memory of machines whose size is not given, in MB',
      type: 'integer',
      default: 1024,
      env: ['VIRTUALBOX_MEMORY_SIZE'],
    },
    {
      key: 'cpu_count',
      summary: 'processors; -1 for all of the computer; default: 1',
      type: 'integer',
      env: ['VIRTUALBOX_CPU_COUNT'],
    },
    {
      key: 'disk_size',
      summary: 'disk, in MB; default: 20000',
      type: 'integer',
      env: ['VIRTUALBOX_DISK_SIZE'],
    },
    {
      key: 'image',
      summary:
        'cloud image: debian-13, debian-12, ubuntu-24.04, or a file or URL of your own (raw, vmdk, vdi or vhd)',
      type: 'string',
      default: 'debian-13',
      env: ['VIRTUALBOX_IMAGE'],
    },
    {
      key: 'image_checksum',
      summary:
        'sha256:... or sha512:... of an image of your own; default: SHA512SUMS or SHA256SUMS beside it',
      type: 'string',
      env: ['VIRTUALBOX_IMAGE_CHECKSUM'],
    },
    {
      key: 'boot2docker_url',
      summary: 'boot2docker ISO, a file or URL, to boot instead of a cloud image',
      type: 'string',
      env: ['VIRTUALBOX_BOOT2DOCKER_URL'],
    },
    {
      key: 'import_boot2docker_vm',
      summary: 'not supported any more: machines are made anew',
      type: 'string',
      env: ['VIRTUALBOX_BOOT2DOCKER_IMPORT_VM'],
    },
    {
      key: 'ssh_user',
      summary: "user to log in as; default: the image's own (debian, ubuntu, docker), else belt",
      type: 'string',
      env: ['VIRTUALBOX_SSH_USER'],
    },
    {
      key: 'network',
      summary: 'hostonly, or natnetwork where the computer can have no host-only network',
      type: 'string',
      default: 'hostonly',
      env: ['VIRTUALBOX_NETWORK'],
    },
    {
      key: 'hostonly_cidr',
      summary: "the computer's own address in the host-only network, with its range",
      type: 'string',
      default: '192.168.56.1/24',
      env: ['VIRTUALBOX_HOSTONLY_CIDR'],
    },
    {
      key: 'hostonly_nictype',
      summary: 'network card for the host-only network',
      type: 'string',
      default: '82540EM',
      env: ['VIRTUALBOX_HOSTONLY_NIC_TYPE'],
    },
    {
      key: 'hostonly_nicpromisc',
      summary: 'promiscuous mode of that card: deny, allow-vms or allow-all',
      type: 'string',
      default: 'deny',
      env: ['VIRTUALBOX_HOSTONLY_NIC_PROMISC'],
    },
    {
      key: 'hostonly_no_dhcp',
      summary: 'no DHCP server in the host-only network; only boot2docker machines ask for one',
      type: 'boolean',
      default: false,
      env: ['VIRTUALBOX_HOSTONLY_NO_DHCP'],
    },
    {
      key: 'natnetwork_cidr',
      summary: 'range of the NAT network',
      type: 'string',
      default: '10.98.0.0/24',
      env: ['VIRTUALBOX_NATNETWORK_CIDR'],
    },
    {
      key: 'nat_nictype',
      summary: 'network card for the way out',
      type: 'string',
      default: '82540EM',
      env: ['VIRTUALBOX_NAT_NICTYPE'],
    },
    {
      key: 'host_dns_resolver',
      summary: "answer machines' DNS questions with the computer's own resolver",
      type: 'boolean',
      default: false,
      env: ['VIRTUALBOX_HOST_DNS_RESOLVER'],
    },
    {
      key: 'no_dns_proxy',
      summary: "do not pass machines' DNS questions on to the computer's name server",
      type: 'boolean',
      default: false,
      env: ['VIRTUALBOX_NO_DNS_PROXY'],
    },
    {
      key: 'share_folder',
      summary:
        'folder to share with machines, as /home:hosthome; boot2docker machines get your home folders anyway',
      type: 'string',
      env: ['VIRTUALBOX_SHARE_FOLDER'],
    },
    {
      key: 'no_share',
      summary: 'share no folder',
      type: 'boolean',
      default: false,
      env: ['VIRTUALBOX_NO_SHARE'],
    },
    {
      key: 'ui_type',
      summary: 'how machines are started: headless, gui, sdl or separate',
      type: 'string',
      default: 'headless',
      env: ['VIRTUALBOX_UI_TYPE'],
    },
    {
      key: 'no_vtx_check',
      summary: 'do not look whether the processor can run virtual machines',
      type: 'boolean',
      default: false,
      env: ['VIRTUALBOX_NO_VTX_CHECK'],
    },
    engineAtFirstBoot,
    {
      key: 'folder',
      summary: "folder for machines and images; default: VirtualBox's default machine folder",
      type: 'string',
      env: ['VIRTUALBOX_FOLDER'],
    },
    {
      key: 'install_path',
      summary: 'folder that holds VBoxManage; default: it is found as your shell finds it',
      type: 'string',
      env: ['VBOX_MSI_INSTALL_PATH', 'VBOX_INSTALL_PATH'],
    },
  ],
  async checkSettings(values) {
    const { readSettings } = await import('./virtualbox-settings.js');
    readSettings(values);
  },
  async open(options) {
    const { openVirtualBox } = await import('./virtualbox-driver.js');
    return openVirtualBox(options);
  },
};
