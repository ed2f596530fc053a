// Contracts for a client of Microsoft's that is already built: an assembly that mcs makes of this file is given to it
// with --contracts. What JSON cannot say (cycles, XML, DataSet) is a private member with a property of text beside it.
using System;
using System.Collections.Generic;
using System.Runtime.Serialization;
using System.ServiceModel;

namespace Peers.More
{
    // ---- names that XML does not have -----------------------------------------------------------------------------

    [DataContract(Namespace = "urn:more", Name = "Odd names")]
    public class OddNames
    {
        [DataMember(Name = "a b")] public int Blank;
        [DataMember(Name = "<N>k__BackingField")] public string Angle;
        [DataMember(Name = "1st")] public int First;
        [DataMember(Name = "class")] public int Plain;
        [DataMember(Name = "größe")] public int Size;
        [DataMember(Name = "_x0041_")] public int Encoded;
    }

    [MessageContract(WrapperName = "W r")]
    public class OddMessage
    {
        [MessageHeader(Name = "h d")] public string Head;
        [MessageHeaderArray(Name = "n s")] public int[] Numbers;
        [MessageHeaderArray] public string[] Words;
        [MessageHeader] public int[] List;
        [MessageBodyMember(Name = "b m")] public int Body;
    }

    [ServiceContract(Namespace = "urn:more", Name = "I Odd")]
    public interface IOdd
    {
        [OperationContract(Name = "Do It!")]
        [return: MessageParameter(Name = "r s")]
        int DoIt([MessageParameter(Name = "a-b c")] int x, [MessageParameter(Name = "1st")] int y);
        [OperationContract] int größe(int ø);
        [OperationContract(Name = "_x0041_")] int Encoded(int a);
        [OperationContract(Name = "Fa il")]
        [FaultContract(typeof(OddNames), Name = "F t")]
        void Fail(int a);
        [OperationContract] OddNames EchoNames(OddNames value);
        [OperationContract] List<OddNames> EchoList(List<OddNames> value);
        [OperationContract] OddMessage EchoMessage(OddMessage value);
    }
}
