import { archiveContract } from '../../kit/archive-contract.js';
import { openArchive } from '../../../src/archive/open-archive.js';
import { temporaryDirectory } from './temporary-directory.js';

archiveContract('on disk', async (journal) => {
  const directory = await temporaryDirectory();
  return {
    open: () => openArchive({ path: directory.path, journal }),
    dispose: () => directory.remove(),
  };
});
