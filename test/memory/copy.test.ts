import test from 'ava';
import { createCopyMemory } from '../../src/memory/copy.ts';
import { memoryContract } from '../_contracts/memory.ts';

memoryContract(test, 'copy', createCopyMemory);
